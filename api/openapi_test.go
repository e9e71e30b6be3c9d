package api_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/api"
)

var update = flag.Bool("update", false, "write testdata/openapi.json anew")

const golden = "testdata/openapi.json"

// withUploads has the API as every node serves it.
func withUploads(o *api.Options) { o.Uploads = noFiles{} }

func TestOpenAPIGolden(t *testing.T) {
	got := newPlace(t, withUploads).do(t, "", "GET", "/openapi.json", "")
	if got.header.Get("Content-Type") != "application/openapi+json" {
		t.Errorf("content type %q", got.header.Get("Content-Type"))
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.body+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.body+"\n"); diff != "" {
		t.Errorf("the face changed; if that is meant, run go test ./api -run OpenAPI -update (-want +got):\n%s", diff)
	}
}

type document = map[string]any

func TestOpenAPI(t *testing.T) {
	p := newPlace(t)
	text := p.do(t, "", "GET", "/openapi.json", "").body
	var doc, fromYAML document
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(p.do(t, "", "GET", "/openapi.yaml", "").body), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(fromYAML); err != nil || !sameJSON(t, again, []byte(text)) {
		t.Errorf("JSON and YAML differ, %v", err)
	}
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi %v", doc["openapi"])
	}
	for _, foreign := range []string{"$schema", "http://", "https://"} {
		if strings.Contains(strings.ReplaceAll(text, "https://app.example.com/", ""), foreign) {
			t.Errorf("the document has %s in it", foreign)
		}
	}
	walk(doc, "#", func(at string, node document) {
		if ref, ok := node["$ref"].(string); ok {
			if _, err := resolve(doc, ref); err != nil {
				t.Errorf("%s: %v", at, err)
			}
		}
	})
	seen := map[string]bool{}
	for path, item := range doc["paths"].(document) {
		for method, op := range item.(document) {
			checkOperation(t, method+" "+path, op.(document), seen)
		}
	}
	if len(seen) < 18 {
		t.Errorf("%d operations, want 18 at least: %v", len(seen), slices.Sorted(maps.Keys(seen)))
	}
	for name, schema := range doc["components"].(document)["schemas"].(document) {
		for field, s := range schema.(document)["properties"].(document) {
			checkField(t, name+"."+field, s.(document))
		}
	}
}

// checkOperation wants an identity, an explanation and a documented problem
// for everything that can go wrong.
func checkOperation(t *testing.T, name string, op document, seen map[string]bool) {
	id, _ := op["operationId"].(string)
	if id == "" || seen[id] || op["summary"] == nil || op["description"] == nil || op["tags"] == nil {
		t.Errorf("%s: operationId %q must be there once, with summary, description and tags", name, id)
	}
	seen[id] = true
	var codes []string
	responses := op["responses"].(document)
	for status, r := range responses {
		r := r.(document)
		if r["description"] == nil || r["description"] == "" {
			t.Errorf("%s: %s has no description", name, status)
		}
		content, _ := r["content"].(document)
		problem, ok := content["application/problem+json"].(document)
		// The meeting app has its own way to tell of failures.
		if status < "400" || name == "get /readyz" || status == "default" && strings.Contains(name, " /api/recording") {
			continue
		}
		if !ok {
			t.Errorf("%s: %s is no problem", name, status)
			continue
		}
		schema := problem["schema"].(document)
		if all, ok := schema["allOf"].([]any); ok {
			for _, code := range all[1].(document)["properties"].(document)["code"].(document)["enum"].([]any) {
				codes = append(codes, fmt.Sprintf("%s %s", status, code))
			}
		} else if schema["$ref"] != "#/components/schemas/Problem" {
			t.Errorf("%s: %s has no problem schema", name, status)
		}
	}
	if op["security"] == nil {
		return
	}
	for _, always := range []string{"401 UNAUTHENTICATED", "403 NOT_PERMITTED", "500 INTERNAL", "503 STORE_UNAVAILABLE", "504 TIMEOUT"} {
		if !slices.Contains(codes, always) {
			t.Errorf("%s does not document %s, only %v", name, always, codes)
		}
	}
	if strings.Contains(name, "{recording}") && (!slices.Contains(codes, "400 INVALID_ID") || !slices.Contains(codes, "404 NOT_FOUND")) {
		t.Errorf("%s does not document INVALID_ID and NOT_FOUND, only %v", name, codes)
	}
	for _, p := range asList(op["parameters"]) {
		if p.(document)["description"] == nil {
			t.Errorf("%s: parameter %v has no description", name, p.(document)["name"])
		}
	}
}

// checkField wants a description, and an example where a value is plain.
func checkField(t *testing.T, name string, s document) {
	items, _ := s["items"].(document)
	plain := s["$ref"] == nil && items["$ref"] == nil && s["type"] != "object"
	if s["$ref"] == nil && s["description"] == nil || plain && s["examples"] == nil {
		t.Errorf("%s lacks a description or an example: %v", name, s)
	}
}

func walk(v any, at string, visit func(string, document)) {
	switch v := v.(type) {
	case document:
		visit(at, v)
		for k, child := range v {
			walk(child, at+"/"+k, visit)
		}
	case []any:
		for i, child := range v {
			walk(child, fmt.Sprint(at, "/", i), visit)
		}
	}
}

func resolve(doc document, ref string) (any, error) {
	var at any = doc
	for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		next, ok := at.(document)[step]
		if !ok {
			return nil, fmt.Errorf("%s leads nowhere", ref)
		}
		at = next
	}
	return at, nil
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var va, vb any
	if err := json.Unmarshal(a, &va); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &vb); err != nil {
		t.Fatal(err)
	}
	return cmp.Equal(va, vb)
}
