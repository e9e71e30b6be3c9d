package api_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// apiDocument is what the reference tells of the OpenAPI document.
type apiDocument struct {
	Tags  []struct{ Name, Description string }
	Paths map[string]map[string]struct {
		Summary, Description string
		Tags                 []string
		Parameters           []struct {
			Name, In, Description string
			Required              bool
		}
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		}
		Responses map[string]struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }
}

type schema struct {
	Ref         string `json:"$ref"`
	Type        any
	Description string
	Required    []string
	Properties  map[string]schema
	Items       *schema
	Enum        []any
}

// name links to a schema, or names a type.
func (s schema) name() string {
	switch {
	case s.Ref != "":
		name := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	case s.Items != nil:
		return "list of " + s.Items.name()
	}
	switch t := s.Type.(type) {
	case string:
		return t
	case []any: // a type, or null
		return fmt.Sprint(t[0])
	}
	return "object"
}

// cell keeps a text within its cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(strings.TrimSpace(s))
}

var methods = []string{"get", "post", "put", "patch", "delete"}

// reference renders the document as a page.
func reference(d apiDocument) string {
	var b strings.Builder
	b.WriteString("# API reference\n\n<!-- Made of the OpenAPI document by `go test ./api -run OpenAPI -update`. -->\n\n" +
		"Made of the OpenAPI 3.1 document that every node serves at `/openapi.json`, which has examples and limits, too.\n" +
		"Failures are [problems with a code](errors.md).\n")
	for _, tag := range d.Tags {
		var rows strings.Builder
		for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
			for _, method := range methods {
				op, ok := d.Paths[path][method]
				if !ok || !slices.Contains(op.Tags, tag.Name) {
					continue
				}
				does := strings.TrimSuffix(op.Summary, ".") + "."
				if op.Description != "" {
					does += " " + op.Description
				}
				for _, p := range op.Parameters {
					if p.In == "query" {
						does += fmt.Sprintf(" `?%s`: %s", p.Name, p.Description)
					}
				}
				takes, gives := "", ""
				for _, c := range op.RequestBody.Content {
					takes = c.Schema.name()
				}
				for _, status := range []string{"200", "201", "202"} {
					for _, kind := range []string{"application/json", "text/event-stream"} {
						if c, ok := op.Responses[status].Content[kind]; ok {
							gives = cmp.Or(gives, c.Schema.name())
						}
					}
				}
				fmt.Fprintf(&rows, "| `%s %s` | %s | %s | %s |\n", strings.ToUpper(method), path, cell(does), takes, gives)
			}
		}
		if rows.Len() > 0 {
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| call | what it does | takes | gives |\n| --- | --- | --- | --- |\n%s",
				strings.ToUpper(tag.Name[:1])+tag.Name[1:], tag.Description, rows.String())
		}
	}
	b.WriteString("\n# Bodies\n\nFields in bold are always there, or must be given.\n")
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		s := d.Components.Schemas[name]
		if len(s.Properties) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| field | type | |\n| --- | --- | --- |\n", name)
		for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[field]
			shown := "`" + field + "`"
			if slices.Contains(s.Required, field) {
				shown = "**" + shown + "**"
			}
			about := p.Description
			for i, v := range p.Enum {
				about += fmt.Sprintf("%s`%v`", map[bool]string{true: " One of ", false: ", "}[i == 0], v)
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", shown, p.name(), cell(about))
		}
	}
	return b.String()
}

// docs/api.md tells what the OpenAPI document does.
func TestOpenAPIReferenceGolden(t *testing.T) {
	const page = "../docs/api.md"
	var d apiDocument
	if err := json.Unmarshal([]byte(newPlace(t, withUploads).do(t, "", "GET", "/openapi.json", "").body), &d); err != nil {
		t.Fatal(err)
	}
	want := reference(d)
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not of this API: run go test ./api -run OpenAPI -update", page)
	}
	for path, operations := range d.Paths {
		for method := range operations {
			if !strings.Contains(want, "`"+strings.ToUpper(method)+" "+path+"`") {
				t.Errorf("the reference leaves %s %s out", method, path)
			}
		}
	}
}
