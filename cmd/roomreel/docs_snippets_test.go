package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/deliver"
)

// blocks are the fenced blocks of a language in a document.
func blocks(t *testing.T, document, language string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		list = append(list, m[1])
	}
	return list
}

// delivery is a webhook as its receiver sees it.
type delivery struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// Around the document's function: each reads deliveries from standard input, and
// prints for each whether it is verified.
const (
	goReceiver = `package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

%s
func main() {
	var list []struct{ Secret, Body string; Headers map[string]string }
	if err := json.NewDecoder(os.Stdin).Decode(&list); err != nil {
		panic(err)
	}
	verified := []bool{}
	for _, d := range list {
		h := http.Header{}
		for name, value := range d.Headers {
			h.Set(name, value)
		}
		verified = append(verified, verify(d.Secret, h, []byte(d.Body)))
	}
	json.NewEncoder(os.Stdout).Encode(verified)
}
`
	jsReceiver = `%s
import { readFileSync } from "node:fs";
console.log(JSON.stringify(JSON.parse(readFileSync(0)).map((d) => verify(d.secret, d.headers, d.body))));
`
	pythonReceiver = `%s
import json, sys
print(json.dumps([verify(d["secret"], d["headers"], d["body"].encode()) for d in json.load(sys.stdin)]))
`
)

// The functions of webhooks.md, in each language, take what roomreel signs and
// nothing else.
func TestDocumentedVerification(t *testing.T) {
	const secret, newer = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
	const body = `{"name":"ü"}`
	sign := func(at time.Time, secrets ...string) map[string]string {
		t.Helper()
		signer, err := deliver.StandardSigner(secrets...)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		signer.Sign(h, "evt_1", at, []byte(body))
		headers := map[string]string{"webhook-id": "evt_1"}
		for name := range h {
			headers[strings.ToLower(name)] = h.Get(name)
		}
		return headers
	}
	deliveries := []delivery{
		{secret, sign(time.Now(), secret), body},
		{newer, sign(time.Now(), secret, newer), body},
		{newer, sign(time.Now(), secret), body},
		{secret, sign(time.Now(), secret), body + " "},
		{secret, sign(time.Now().Add(-time.Hour), secret), body},
		{secret, map[string]string{}, body},
	}
	want := []bool{true, true, false, false, false, false}
	input, err := json.Marshal(deliveries)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ language, program, file, receiver string }{
		{"go", "go", "main.go", goReceiver}, {"js", "node", "receiver.mjs", jsReceiver}, {"python", "python3", "receiver.py", pythonReceiver},
	} {
		t.Run(tt.language, func(t *testing.T) {
			if _, err := exec.LookPath(tt.program); err != nil {
				t.Skipf("%s is not installed", tt.program)
			}
			snippets := blocks(t, "../../docs/webhooks.md", tt.language)
			if len(snippets) != 1 {
				t.Fatalf("there are %d functions", len(snippets))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			file := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(file, fmt.Appendf(nil, tt.receiver, snippets[0]), 0o600); err != nil {
				t.Fatal(err)
			}
			arguments := []string{file}
			if tt.language == "go" {
				arguments = []string{"run", file}
			}
			cmd := exec.CommandContext(ctx, tt.program, arguments...)
			cmd.Stdin, cmd.Stderr = bytes.NewReader(input), t.Output()
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got []bool
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Every piece of configuration in a document is one that roomreel takes.
func TestDocumentedConfiguration(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, document := range documents {
		for _, text := range blocks(t, document, "yaml") {
			n++
			file := filepath.Join(t.TempDir(), "roomreel.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := configs.Load(file); err != nil {
				t.Errorf("%s: %v", filepath.Base(document), err)
			}
		}
	}
	if n == 0 {
		t.Error("no document has a piece of configuration")
	}
}
