package codemagic_test

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestListFindsEveryMachineAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{Concurrency: 1})
		client := newClient(t, fake, codemagic.Config{})
		p, err := codemagic.New(client, map[string]codemagic.Settings{
			"macOS-arm64": {AppID: app}, "mac-big": {AppID: app, InstanceType: "mac_mini_m4"}, "other": {AppID: app, WorkflowID: "w"},
		}, codemagic.Config{})
		if err != nil {
			t.Fatal(err)
		}
		var want []provisioner.Machine
		for job, name := range []string{"macOS-arm64", "mac-big", "other"} {
			l := launch(int64(job + 1))
			l.Type.Name = name
			m, err := p.Launch(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, m)
			time.Sleep(time.Minute)
		}
		fake.Finish(want[0].ID, "warning")
		want[0].State, want[2].State = provisioner.MachineEnded, provisioner.MachineQueued
		fake.SetStatus(want[1].ID, "hibernating") // a status of the future
		for i, b := range fake.Builds() {
			want[i].StartedAt = b.StartedAt
		}
		const managed, own = "managed-by-github-runner-provisioner", "deployment-default"
		for _, labels := range [][]string{
			nil, {"grp-macOS-arm64-9-1", "runner-9", own}, {managed, "runner-9", own}, {managed, "grp-macOS-arm64-9-1", "runner-x", own},
		} {
			if _, err := client.StartBuild(t.Context(), codemagic.StartRequest{AppID: app, WorkflowID: "w", Branch: "main", Labels: labels}); err != nil {
				t.Fatal(err) // a build of somebody else's
			}
		}
		got, err := p.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b provisioner.Machine) int { return cmp.Compare(a.ID, b.ID) })
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Error("machines (-want +got):\n", diff)
		}
		if calls := fake.Calls()["GET /builds"]; calls != 4 { // each until there is nothing new
			t.Errorf("%d pages for two workflows", calls)
		}
	})
}

func TestAMachineHasItsTimesWhereCodemagicGivesNone(t *testing.T) {
	const labels = `"labels": ["ios", "type-writer", "runner-up", "repository-mine", "grp-t-7-1", "runner-5", "type-t", "job-7", "repository-o/n",
		"launched-1599549482", "deployment-default", "managed-by-github-runner-provisioner"]`
	never, eight, nine, label := time.Time{}, time.Date(2020, 9, 8, 8, 0, 0, 0, time.UTC), time.Date(2020, 9, 8, 9, 0, 0, 0, time.UTC), time.Unix(1599549482, 0)
	for name, test := range map[string]struct {
		build             string
		launched, started time.Time
		state             provisioner.MachineState
	}{
		"started":             {`"status": "building", "createdAt": "2020-09-08T08:00:00.000+0000", "startedAt": "2020-09-08T09:00:00.000+0000"`, eight, nine, "alive"},
		"queued":              {`"status": "queued", "createdAt": "2020-09-08T08:00:00.000+0000"`, eight, never, "queued"},
		"queued, null":        {`"status": "queued", "createdAt": "2020-09-08T08:00:00.000+0000", "startedAt": null`, eight, never, "queued"},
		"initializing":        {`"status": "initializing", "createdAt": "2020-09-08T08:00:00.000+0000"`, eight, never, "queued"},
		"runs, it says":       {`"status": "preparing", "createdAt": "2020-09-08T08:00:00.000+0000"`, eight, never, "alive"},
		"runs, for all known": {`"status": "hibernating", "createdAt": "2020-09-08T08:00:00.000+0000"`, eight, never, "alive"},
		"runs, no times":      {`"status": "testing"`, label, never, "alive"},
		"queued, no times":    {`"status": "queued", "startedAt": null`, label, never, "queued"},
		"no creation":         {`"status": "building", "startedAt": "2020-09-08T09:00:00.000+0000"`, nine, nine, "alive"},
		"over, never begun":   {`"status": "canceled", "createdAt": "2020-09-08T08:00:00.000+0000"`, eight, never, "ended"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(codemagictest.Config{})
			fake.SetFaults(always("GET /builds", fakehttp.Fault{Status: 200, Body: `{"builds": [{"_id": "1", ` + test.build + `, ` + labels + `}]}`}))
			got, err := newProvider(t, fake, codemagic.Config{MaxLifetime: 100 * 365 * 24 * time.Hour}).List(t.Context())
			if err != nil || len(got) != 1 || !got[0].LaunchedAt.Equal(test.launched) || !got[0].StartedAt.Equal(test.started) {
				t.Fatalf("machines %v, error %v, want one of %s, started %s", got, err, test.launched, test.started)
			}
			want := provisioner.Machine{
				ID: "1", Provider: codemagic.Name, Type: "t", Repository: provisioner.Repository{Owner: "o", Name: "n"}, Job: 7, RunnerName: "grp-t-7-1",
				RunnerID: 5, State: test.state, LaunchedAt: got[0].LaunchedAt, StartedAt: got[0].StartedAt,
				Terminated: test.state == provisioner.MachineEnded,
			}
			if diff := gocmp.Diff(want, got[0]); diff != "" {
				t.Error("machine (-want +got):\n", diff)
			}
		})
	}
}

// The second job's build waits for an hour in Codemagic's queue: nobody may take that for its life.
func TestAMachineStartsWhenItsBuildGetsAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{Concurrency: 1})
		p := newProvider(t, fake, codemagic.Config{})
		find := func() provisioner.Machine {
			got, err := p.Find(t.Context(), macs, provisioner.Job{ID: 8, RunAttempt: 1})
			if err != nil || len(got) != 1 {
				t.Fatalf("machines %v, error %v", got, err)
			}
			return got[0]
		}
		for job := range int64(2) {
			if m, err := p.Launch(t.Context(), launch(7+job)); err != nil || !m.StartedAt.IsZero() {
				t.Fatalf("machine %+v, error %v", m, err)
			}
		}
		launched := time.Now()
		time.Sleep(time.Hour)
		if m := find(); m.State != provisioner.MachineQueued || !m.LaunchedAt.Equal(launched) {
			t.Errorf("in the queue: %+v", m)
		}
		fake.Finish(fake.Builds()[0].ID, "finished")
		if m := find(); m.State != provisioner.MachineAlive || !m.StartedAt.Equal(time.Now()) || !m.LaunchedAt.Equal(launched) {
			t.Errorf("with a place: %+v", m)
		}
	})
}

func TestFindReturnsTheMachinesOfOneJob(t *testing.T) {
	fake := newFake(codemagictest.Config{})
	p := newProvider(t, fake, codemagic.Config{})
	for _, job := range []int64{7, 70, 7} {
		if _, err := p.Launch(t.Context(), launch(job)); err != nil {
			t.Fatal(err)
		}
	}
	fake.Finish(fake.Builds()[0].ID, "failed")
	got, err := p.Find(t.Context(), macs, provisioner.Job{ID: 7, RunAttempt: 1})
	if err != nil || len(got) != 2 || got[0].Alive() == got[1].Alive() || got[0].Job != 7 || got[1].Job != 7 {
		t.Errorf("machines %+v, error %v, want one alive and one ended", got, err)
	}
	if _, err := p.Find(t.Context(), provisioner.RunnerType{Name: "windows"}, provisioner.Job{ID: 7}); !errors.Is(err, provisioner.ErrRefused) {
		t.Errorf("error %v for a type without settings", err)
	}
}

func TestAMachineIsSeenBehindTheFirstPage(t *testing.T) {
	for name, see := range map[string]func(p *codemagic.Provider) ([]provisioner.Machine, error){
		"List": func(p *codemagic.Provider) ([]provisioner.Machine, error) { return p.List(t.Context()) },
		"Find": func(p *codemagic.Provider) ([]provisioner.Machine, error) {
			return p.Find(t.Context(), macs, provisioner.Job{ID: 7, RunAttempt: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(codemagictest.Config{})
			client := newClient(t, fake, codemagic.Config{})
			p := newProvider(t, fake, codemagic.Config{})
			if _, err := p.Launch(t.Context(), launch(7)); err != nil {
				t.Fatal(err)
			}
			start(t, client, 50)
			if got, err := see(p); err != nil || len(got) != 1 || !got[0].Alive() || got[0].Job != 7 {
				t.Errorf("machines %v, error %v, want the one of job 7", got, err)
			}
		})
	}
}

func TestListsReachBackADayBeyondTheLongestLifetime(t *testing.T) {
	for lifetime, want := range map[time.Duration]time.Duration{0: 30 * time.Hour, 2 * time.Hour: 26 * time.Hour, 48 * time.Hour: 72 * time.Hour} {
		t.Run(want.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(codemagictest.Config{PageSize: 2})
				p := newProvider(t, fake, codemagic.Config{MaxLifetime: lifetime})
				for job := range int64(100) {
					if _, err := p.Launch(t.Context(), launch(job+1)); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Hour)
				}
				got, err := p.List(t.Context())
				if hours := int(want / time.Hour); err != nil || len(got) < hours || len(got) > hours+3 {
					t.Errorf("%d machines, error %v, want those of %d hours and a page more", len(got), err, hours)
				}
			})
		})
	}
}

func TestAFailedListIsNoShortList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{})
		types := map[string]codemagic.Settings{}
		for i := range 5 {
			types["t"+strconv.Itoa(i)] = codemagic.Settings{AppID: app, WorkflowID: "w" + strconv.Itoa(i)}
		}
		p, err := codemagic.New(newClient(t, fake, codemagic.Config{}), types, codemagic.Config{})
		if err != nil {
			t.Fatal(err)
		}
		fake.SetFaults(first(3, "GET /builds", fakehttp.Fault{Status: 500}))
		if got, err := p.List(t.Context()); !errors.Is(err, provisioner.ErrUnavailable) || got != nil {
			t.Errorf("machines %v, error %v", got, err)
		}
		fake.SetFaults(always("GET /builds", fakehttp.Fault{Status: 403}))
		got, err := p.Find(t.Context(), provisioner.RunnerType{Name: "t1"}, provisioner.Job{ID: 7})
		if !errors.Is(err, provisioner.ErrRefused) || got != nil {
			t.Errorf("machines %v, error %v", got, err)
		}
	})
}

func TestTerminateEndsABuildOnce(t *testing.T) {
	fake := newFake(codemagictest.Config{})
	p := newProvider(t, fake, codemagic.Config{})
	m, err := p.Launch(t.Context(), launch(7))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Terminate(t.Context(), m); err != nil {
			t.Errorf("error %v", err)
		}
	}
	if got := fake.Builds()[0].Status; got != "canceled" {
		t.Errorf("the build is %s", got)
	}
	fake.SetFaults(always("POST /builds/{id}/cancel", fakehttp.Fault{Status: 403}))
	if err := p.Terminate(t.Context(), m); !errors.Is(err, provisioner.ErrRefused) {
		t.Errorf("error %v, want a refusal", err)
	}
}
