package main

import (
	"archive/zip"
	"io"
	"os"
	"regexp"
	"testing"
	"time"
)

// BenchmarkColdStart compares a new environment's first answer with the same one's later answers,
// and prints what it has to load. The start of the process counts; what Lambda does before it,
// fetching the zip and making the sandbox, does not.
func BenchmarkColdStart(b *testing.B) {
	c := newClouds(b)
	c.env["LOG_LEVEL"] = "info"
	var initial, first, warm time.Duration
	for b.Loop() {
		event := request(b, c.github.Payload("queued", c.github.QueueJob(app, "ubuntu-arm64")))
		begun := time.Now()
		f := cold(b, c.env)
		<-f.asked
		initial += time.Since(begun)
		f.invoke(b, event)
		first += time.Since(begun)
		const answers = 20
		begun = time.Now()
		for range answers {
			f.invoke(b, event)
		}
		warm += time.Since(begun) / answers
		f.kill()
	}
	n := float64(b.N)
	b.ReportMetric(float64(initial.Milliseconds())/n, "ms-init")
	b.ReportMetric(float64(first.Milliseconds())/n, "ms-first-answer")
	b.ReportMetric(float64(first)/float64(warm), "first/warm")
	binarySize, zipSize := sizes(b)
	b.ReportMetric(binarySize, "MB-binary")
	b.ReportMetric(zipSize, "MB-zip")
}

// TestTheZipIsSmall fails when a dependency looks methods up by name (text/template does): then the
// linker keeps all of the EC2 client. A binary of 26 MB makes a zip of 10, the aim.
func TestTheZipIsSmall(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	most := 26.0
	if raced() {
		most *= 1.6 // what the race detector adds
	}
	if size := float64(len(b)) / 1e6; size > most {
		t.Errorf("the binary has %.1f MB; the aim is %.1f", size, most)
	}
	methods := map[string]bool{}
	for _, name := range regexp.MustCompile(`service/ec2\.\(\*Client\)\.[A-Z]\w+`).FindAll(b, -1) {
		methods[string(name)] = true
	}
	if len(methods) == 0 || len(methods) > 20 {
		t.Errorf("the binary has %d methods of the EC2 client, want the few that are called", len(methods))
	}
}

func sizes(b testing.TB) (plain, zipped float64) {
	b.Helper()
	f, err := os.Open(binary)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var n counter
	z := zip.NewWriter(&n)
	w, err := z.Create("bootstrap")
	if err != nil {
		b.Fatal(err)
	}
	size, err := io.Copy(w, f)
	if err != nil {
		b.Fatal(err)
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	return float64(size) / 1e6, float64(n) / 1e6
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
