package webhooktest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"strings"

	"github.com/datawire/github-runner-provisioner/labels"
)

//go:embed testdata/*.json
var examples embed.FS

// Examples returns the names of GitHub's example payloads, each beginning with its event:
// workflow_job-5-queued.
func Examples() []string {
	files, err := fs.Glob(examples, "testdata/*.json")
	if err != nil {
		panic(err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(f, "testdata/"), ".json")
	}
	return files
}

// Example returns one of GitHub's example payloads by name, unchanged.
func Example(name string) []byte {
	b, err := examples.ReadFile("testdata/" + name + ".json")
	if err != nil {
		panic(err)
	}
	return b
}

// Edit changes a payload: Set and Unset make edits.
type Edit func(payload map[string]any)

// Set sets the field at a path such as workflow_job.id.
func Set(path string, value any) Edit {
	return func(p map[string]any) {
		parent, key := walk(p, path)
		parent[key] = value
	}
}

// Unset removes the field at a path.
func Unset(path string) Edit {
	return func(p map[string]any) {
		parent, key := walk(p, path)
		delete(parent, key)
	}
}

func walk(p map[string]any, path string) (parent map[string]any, key string) {
	for {
		first, rest, found := strings.Cut(path, ".")
		if !found {
			return p, first
		}
		p, path = p[first].(map[string]any), rest
	}
}

// Payload returns GitHub's example of a queued job, of about 8 KB, with edits.
func Payload(edits ...Edit) []byte {
	var p map[string]any
	dec := json.NewDecoder(bytes.NewReader(Example("workflow_job-5-queued")))
	dec.UseNumber()
	if err := dec.Decode(&p); err != nil {
		panic(err)
	}
	for _, edit := range edits {
		edit(p)
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		panic(err)
	}
	return b
}

// Sign returns the value of X-Hub-Signature-256 for a body.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Types are the runner types that the cases take for granted, in this order; more may follow.
func Types() []labels.Entry {
	return []labels.Entry{
		{Name: "ubuntu-arm64", Labels: []string{"self-hosted", "linux", "arm64", "ubuntu-arm64"}},
		{Name: "macOS-arm64", Labels: []string{"self-hosted", "macOS", "arm64", "macOS-arm64"}},
	}
}

// Repositories are the allow-list that the cases take for granted.
func Repositories() []string { return []string{"Octocoders/*", "octo-org/example-*"} }
