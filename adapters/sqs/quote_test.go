package sqs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/datawire/github-runner-provisioner/adapters/sqs"
	"github.com/datawire/github-runner-provisioner/adapters/sqs/sqstest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// The credentials that the SDK sends are not known here, so that they go by their looks.
func TestAnSQSThatQuotesTheRequestTellsNoCredential(t *testing.T) {
	var raw []byte
	for i := range 20 {
		sum := sha256.Sum256([]byte{byte(i)})
		raw = append(raw, sum[:]...)
	}
	session := base64.StdEncoding.EncodeToString(raw)
	for _, quote := range fakehttp.Quotes() {
		if strings.Contains(quote.Name, "pieces") || strings.Contains(quote.Name, "lines") {
			continue // of no length that a credential has
		}
		t.Run(quote.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := sqstest.New()
				server.SetFaults(func(string, *http.Request) *fakehttp.Fault {
					return &fakehttp.Fault{Quote: func(request string) string {
						_, token, _ := strings.Cut(request, "X-Amz-Security-Token: ")
						return quote.Quote(token)
					}}
				})
				client := awssqs.New(awssqs.Options{
					Region: "us-east-1", BaseEndpoint: aws.String("http://sqs.test"), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "FAKE_SECRET", session),
					HTTPClient: &http.Client{Transport: fakehttp.Loopback(server)}, RetryMaxAttempts: 1,
				})
				var log bytes.Buffer
				q, err := sqs.New(client, standardURL, sqs.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, sending := q.Send(ctx, lane, job(1))
				pinging := q.Ping(ctx)
				_, _ = q.Receive(ctx, lane, nil) // logs that SQS can't be read
				if err := q.Close(); err != nil {
					t.Error(err)
				}
				text := fmt.Sprintf("%+v %+v %s", sending, pinging, log.String())
				if sending == nil || pinging == nil || !strings.Contains(text, "SQS can't be read") || !strings.Contains(text, "[redacted]") && quote.Name != "its end" {
					t.Fatalf("nothing failed, or nothing was quoted: %.900s", text)
				}
				if provisionertest.Shows(text, provisioner.NewSecret(session)) {
					t.Errorf("the session's token shows: %.900s", text)
				}
			})
		})
	}
}
