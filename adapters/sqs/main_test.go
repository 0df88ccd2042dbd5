package sqs_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/goleak"

	"github.com/datawire/github-runner-provisioner/adapters/sqs"
	"github.com/datawire/github-runner-provisioner/adapters/sqs/sqstest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/queue/queuetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	standardURL = "http://sqs.test/000000000000/jobs"
	fifoURL     = "http://sqs.test/000000000000/jobs.fifo"
	lane        = "ubuntu-arm64"
	other       = "macOS-arm64"
)

func TestConformance(t *testing.T) {
	for name, url := range map[string]string{"standard": standardURL, "FIFO": fifoURL} {
		t.Run(name, func(t *testing.T) {
			var server *sqstest.Server
			open := func(t *testing.T) queue.Queue { return open(t, server, url, sqs.Config{Lanes: queuetest.Lanes}) }
			queuetest.Run(t, queuetest.Harness{
				ReceiptsExpire: url == fifoURL,
				Open: func(t *testing.T) queue.Queue {
					server = sqstest.New()
					return open(t)
				},
				Another: open,
			})
		})
	}
}

// client is the SDK's, without a network.
func client(server *sqstest.Server) *awssqs.Client {
	return awssqs.New(awssqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://sqs.test"), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "FAKE_SECRET", ""),
		HTTPClient: &http.Client{Transport: fakehttp.Loopback(server)}, RetryMaxAttempts: 1,
	})
}

func open(t *testing.T, server *sqstest.Server, url string, cfg sqs.Config) *sqs.Queue {
	t.Helper()
	q, err := sqs.New(client(server), url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		time.Sleep(time.Minute) // the poll that Close cut off goes on at the server's end
	})
	return q
}

func job(id int64) provisioner.Job {
	return provisioner.Job{ID: id, RunAttempt: 1, Repository: provisioner.Repository{Owner: "datawire", Name: "infra-actions"}, Labels: []string{lane}}
}

func send(t *testing.T, q *sqs.Queue, lane string, ids ...int64) {
	t.Helper()
	for _, id := range ids {
		if duplicate, err := q.Send(t.Context(), lane, job(id)); err != nil || duplicate {
			t.Fatalf("Send(%d) = %t, %v", id, duplicate, err)
		}
	}
}

func receive(t *testing.T, q *sqs.Queue, lane string) queue.Message {
	t.Helper()
	m, err := q.Receive(t.Context(), lane, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ExampleNew() {
	server := httptest.NewServer(sqstest.New()) // in life it is Amazon's
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := awssqs.New(awssqs.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "FAKE_SECRET", ""),
		HTTPClient: &http.Client{Transport: transport},
	})
	q, err := sqs.New(client, server.URL+"/000000000000/jobs", sqs.Config{Lanes: []string{"ubuntu-arm64"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { fmt.Println("closed:", q.Close()) }()
	ctx := context.Background()
	job := provisioner.Job{ID: 41, RunAttempt: 1, Repository: provisioner.Repository{Owner: "datawire", Name: "infra-actions"}}
	_, err = q.Send(ctx, "ubuntu-arm64", job)
	fmt.Println("sent:", err)
	m, err := q.Receive(ctx, "ubuntu-arm64", nil)
	fmt.Println(m.Job, err)
	fmt.Println("deleted:", q.Delete(ctx, m))
	// Output:
	// sent: <nil>
	// datawire/infra-actions job 41-1 <nil>
	// deleted: <nil>
	// closed: <nil>
}
