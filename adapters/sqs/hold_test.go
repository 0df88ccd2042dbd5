package sqs_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/datawire/github-runner-provisioner/adapters/sqs"
	"github.com/datawire/github-runner-provisioner/adapters/sqs/sqstest"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
)

// waiter keeps a receiver waiting in a lane that nothing comes to, as an idle runner type's worker
// does.
func waiter(t *testing.T, q *sqs.Queue, lane string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if m, err := q.Receive(ctx, lane, nil); err == nil {
			t.Errorf("lane %q has %s", lane, m.Job)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
}

func TestAJobWhoseTypeIsFullIsHeldWithoutBeingReceivedAgain(t *testing.T) {
	for name, url := range map[string]string{"standard": standardURL, "FIFO": fifoURL} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := sqstest.New()
				server.SetMaxReceiveCount(2)
				q, replica := open(t, server, url, sqs.Config{}), open(t, server, url, sqs.Config{})
				accepted := time.Now()
				send(t, q, lane, 1)
				waiter(t, q, other)
				time.Sleep(time.Minute)
				asking, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
				defer cancel()
				if m, err := replica.Receive(asking, lane, nil); err == nil { // it would get the job if that were visible for a moment
					t.Fatalf("a replica has %s", m.Job)
				}
				time.Sleep(150 * time.Minute) // beyond what SQS hides a message for
				if n := len(server.DeadLetters()); n != 0 || len(server.Messages()) != 1 {
					t.Fatalf("%d dead letters, %d messages", n, len(server.Messages()))
				}
				m := receive(t, q, lane)
				if m.Job.ID != 1 || m.Receives != 1 || !m.Accepted.Equal(accepted) {
					t.Errorf("received %s, delivery %d, accepted %s", m.Job, m.Receives, m.Accepted)
				}
				if err := q.Delete(t.Context(), m); err != nil || len(server.Messages()) != 0 {
					t.Errorf("Delete: %v, %d messages are left", err, len(server.Messages()))
				}
			})
		})
	}
}

func TestALaneThatIsFullHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q := open(t, server, standardURL, sqs.Config{})
		const tooMany = 95
		for id := range int64(sqs.MostHeld + tooMany) {
			send(t, q, lane, id+1)
		}
		modest := job(9_000_001)
		modest.Repository.Name = "modest"
		if _, err := q.Send(t.Context(), lane, modest); err != nil {
			t.Fatal(err)
		}
		send(t, q, other, 9_000_002)
		m := receive(t, q, other)
		if m.Job.ID != 9_000_002 {
			t.Fatalf("received %s", m.Job)
		}
		if err := q.Delete(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		waiter(t, q, queue.Unsorted)
		time.Sleep(5 * time.Minute)
		for range 2 {
			if m := receive(t, q, lane); m.Job.Repository == modest.Repository {
				modest.ID = 0
			}
		}
		if modest.ID != 0 {
			t.Error("the repository that has one job did not get its turn")
		}
		if depth, err := q.Depth(t.Context()); err != nil || depth[lane] > sqs.MostHeld+2 {
			t.Errorf("Depth = %v, %v", depth, err)
		}
		again := 0
		for _, m := range server.Messages() {
			if m.Visible.Before(time.Now()) {
				t.Fatalf("message %s is visible, at delivery %d", m.ID, m.Receives)
			}
			if m.Receives > 1 {
				again++
			}
		}
		if again > 0 {
			t.Errorf("%d messages were received again", again)
		}
		time.Sleep(time.Hour)
		for _, m := range server.Messages() {
			if m.Receives > 8 {
				t.Fatalf("message %s was received %d times in an hour", m.ID, m.Receives)
			}
		}
		seen := map[int64]bool{}
		for len(seen) < sqs.MostHeld+tooMany-1 {
			m := receive(t, q, lane)
			if seen[m.Job.ID] {
				t.Fatalf("received %s a second time", m.Job)
			}
			seen[m.Job.ID] = true
			if err := q.Delete(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAJobAtHandIsNotStoredASecondTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q := open(t, server, standardURL, sqs.Config{})
		send(t, q, lane, 1, 2)
		waiter(t, q, other)
		time.Sleep(time.Second)
		m := receive(t, q, lane)
		again := func(id int64, generation int, want bool) {
			t.Helper()
			j := job(id)
			j.Generation = generation
			if news, err := q.Requeue(t.Context(), queue.Message{Lane: lane, Job: j, Accepted: time.Now()}); err != nil || news != want {
				t.Errorf("Requeue of job %d, generation %d = %t, %v", id, generation, news, err)
			}
		}
		again(1, 0, false)
		again(2, 0, false)
		again(2, 2, true)
		again(3, 0, true)
		if err := q.Delete(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		again(m.Job.ID, 0, true)
	})
}

// Every request is billed.
func TestHeldMessagesAreHiddenAnewNoOftenerThanTheyNeedToBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q := open(t, server, standardURL, sqs.Config{})
		for id := range int64(10) {
			send(t, q, lane, id+1)
		}
		waiter(t, q, other)
		time.Sleep(time.Minute)
		before := server.Calls()["ChangeMessageVisibilityBatch"]
		const while = 20 * time.Minute
		time.Sleep(while)
		calls := server.Calls()["ChangeMessageVisibilityBatch"] - before
		if most := int(while / queue.Visibility); calls > most || calls == 0 {
			t.Errorf("%d requests in %s for ten messages, want %d at most", calls, while, most)
		}
	})
}

func TestNothingIsPolledWhileNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		q := open(t, server, standardURL, sqs.Config{})
		time.Sleep(time.Hour)
		if n := server.Calls()["ReceiveMessage"]; n != 0 {
			t.Errorf("%d polls before the first receiver", n)
		}
		send(t, q, lane, 1, 2)
		receive(t, q, lane)
		time.Sleep(time.Minute)
		polls := server.Calls()["ReceiveMessage"]
		time.Sleep(time.Hour)
		if n := server.Calls()["ReceiveMessage"] - polls; n != 0 {
			t.Errorf("%d polls in an hour without a receiver", n)
		}
		waiter(t, q, other)
		time.Sleep(time.Hour)
		if n := server.Calls()["ReceiveMessage"] - polls; n < 170 || n > 190 {
			t.Errorf("%d polls in an hour with a receiver, want 180", n)
		}
	})
}

func TestCloseLetsGoOfWhatIsHeld(t *testing.T) {
	fake := sqstest.New()
	server := httptest.NewServer(fake)
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := awssqs.New(awssqs.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "FAKE_SECRET", ""),
		HTTPClient: &http.Client{Transport: transport},
	})
	opened := func() *sqs.Queue {
		q, err := sqs.New(client, server.URL+"/000000000000/jobs", sqs.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	q := opened()
	for id := range int64(25) {
		send(t, q, lane, id+1)
	}
	send(t, q, other, 26)
	receive(t, q, other) // it came behind those of the other lane, which are held now
	waited := make(chan error, 1)
	go func() {
		_, err := q.Receive(t.Context(), queue.Unsorted, nil)
		waited <- err
	}()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err == nil {
		t.Error("the receiver got no error")
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if _, err := q.Receive(t.Context(), lane, nil); err == nil {
		t.Error("Receive from a closed queue: no error")
	}
	for _, m := range fake.Messages()[:25] {
		if m.Visible.After(time.Now()) {
			t.Errorf("message %s is still hidden", m.ID)
		}
	}
	next := opened()
	receive(t, next, lane)
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

func TestTwoReplicasShareTheJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.New()
		const jobs = 300
		seen := make(chan int64, 2*jobs)
		ctx, cancel := context.WithCancel(t.Context())
		var working sync.WaitGroup
		var first *sqs.Queue
		for range 2 {
			q := open(t, server, standardURL, sqs.Config{})
			first = q
			for range 4 {
				working.Go(func() {
					for {
						m, err := q.Receive(ctx, lane, nil)
						if err != nil {
							return
						}
						time.Sleep(time.Second)
						if err := q.Delete(ctx, m); err != nil {
							t.Error(err)
						}
						seen <- m.Job.ID
					}
				})
			}
		}
		for id := range int64(jobs) {
			send(t, first, lane, id+1)
		}
		time.Sleep(10 * time.Minute)
		cancel()
		working.Wait()
		close(seen)
		times := map[int64]int{}
		for id := range seen {
			times[id]++
		}
		for id := range int64(jobs) {
			if times[id+1] != 1 {
				t.Errorf("job %d was done %d times", id+1, times[id+1])
			}
		}
	})
}
