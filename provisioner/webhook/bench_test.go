package webhook_test

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook/webhooktest"
)

// BenchmarkReceive verifies, decodes and matches a delivery of GitHub's size and logs its line;
// storing costs nothing. Aim: 0.1 ms and 100 allocations.
func BenchmarkReceive(b *testing.B) {
	store := webhook.AccepterFunc(func(context.Context, string, provisioner.Job) (bool, error) { return false, nil })
	body := linux()
	form := signed("workflow_job", []byte(url.Values{"payload": {string(body)}}.Encode()))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	bad := signed("workflow_job", body)
	bad.Header.Set("X-Hub-Signature-256", webhooktest.Sign("wrong", body))
	for _, bench := range []struct {
		name    string
		request webhook.Request
		want    int
	}{{"json", signed("workflow_job", body), 202}, {"form", form, 202}, {"bad signature", bad, 401}} {
		b.Run(bench.name, func(b *testing.B) {
			receiver, err := webhook.New(provisioner.NewSecret(secret), types(b), store, newWorld(b), webhook.Config{
				Repositories: webhooktest.Repositories(), Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)),
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(bench.request.Body)))
			for b.Loop() {
				a := receiver.Receive(b.Context(), bench.request)
				if _ = a.JSON(); a.Code != bench.want {
					b.Fatalf("%s", a.JSON())
				}
			}
		})
	}
}
