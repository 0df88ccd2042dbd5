package codemagic_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/codemagic/codemagictest"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// Two deployments share an app, a workflow and even the names of their runners and registrations.
func TestADeploymentSeesItsOwnBuildsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(codemagictest.Config{})
		providers := map[provisioner.Deployment]*codemagic.Provider{"": nil, "prod": nil, "prod-eu": nil}
		want := map[provisioner.Deployment]provisioner.Machine{}
		for d := range providers {
			p := newProvider(t, fake, codemagic.Config{Deployment: d})
			m, err := p.Launch(t.Context(), launch(7))
			if err != nil {
				t.Fatal(err)
			}
			m.StartedAt = m.LaunchedAt
			providers[d], want[d] = p, m
		}
		for d, p := range providers {
			list, err := p.List(t.Context())
			if diff := cmp.Diff([]provisioner.Machine{want[d]}, list); err != nil || diff != "" {
				t.Errorf("%q lists, error %v (-want +got):\n%s", d, err, diff)
			}
			found, err := p.Find(t.Context(), macs, launch(7).Job)
			if diff := cmp.Diff([]provisioner.Machine{want[d]}, found); err != nil || diff != "" {
				t.Errorf("%q finds, error %v (-want +got):\n%s", d, err, diff)
			}
		}
		fake.SetFaults(first(1, "POST /builds", fakehttp.Fault{Drop: true}))
		m, err := newProvider(t, fake, codemagic.Config{Deployment: "staging"}).Launch(t.Context(), launch(7))
		if err != nil || len(fake.Builds()) != 4 || m.ID != fake.Builds()[3].ID {
			t.Errorf("after an unanswered start, machine %+v, error %v, %d builds, want one of its own", m, err, len(fake.Builds()))
		}
	})
}

func TestLabelsAreReadWithoutDoubt(t *testing.T) {
	const ours = "managed-by-github-runner-provisioner grp-t-7-1 runner-5 type-t job-7 "
	for name, test := range map[string]struct {
		labels     string
		ours       bool
		repository provisioner.Repository
		id         int64
	}{
		"ours":                          {"deployment-default repository-o/n repository-id-5", true, provisioner.Repository{Owner: "o", Name: "n"}, 5},
		"in another order":              {"repository-id-5 repository-o/n deployment-default", true, provisioner.Repository{Owner: "o", Name: "n"}, 5},
		"without the number":            {"deployment-default repository-o/n", true, provisioner.Repository{Owner: "o", Name: "n"}, 0},
		"an owner that looks like it":   {"deployment-default repository-id-5/n", true, provisioner.Repository{Owner: "id-5", Name: "n"}, 0},
		"such an owner, and the number": {"deployment-default repository-id-6 repository-id-5/n", true, provisioner.Repository{Owner: "id-5", Name: "n"}, 6},
		"no number":                     {"deployment-default repository-o/n repository-id-x", true, provisioner.Repository{Owner: "o", Name: "n"}, 0},
		"the same deployment twice":     {"deployment-default deployment-default", true, provisioner.Repository{}, 0},
		"no deployment":                 {"repository-o/n", false, provisioner.Repository{}, 0},
		"another deployment":            {"deployment-prod", false, provisioner.Repository{}, 0},
		"a longer name":                 {"deployment-default-2", false, provisioner.Repository{}, 0},
		"another case":                  {"deployment-Default", false, provisioner.Repository{}, 0},
		"two deployments":               {"deployment-default deployment-prod", false, provisioner.Repository{}, 0},
		"two, in another order":         {"deployment-prod deployment-default", false, provisioner.Repository{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			labels, err := json.Marshal(strings.Fields(ours + test.labels))
			if err != nil {
				t.Fatal(err)
			}
			fake := newFake(codemagictest.Config{})
			fake.SetFaults(always("GET /builds", fakehttp.Fault{Status: 200, Body: `{"builds": [{"_id": "1", "labels": ` + string(labels) + `}]}`}))
			got, err := newProvider(t, fake, codemagic.Config{}).List(t.Context())
			if err != nil || (len(got) == 1) != test.ours {
				t.Fatalf("machines %v, error %v, want that it is ours: %t", got, err, test.ours)
			}
			if test.ours && (got[0].Repository != test.repository || got[0].RepositoryID != test.id) {
				t.Errorf("repository %s, number %d, want %s and %d", got[0].Repository, got[0].RepositoryID, test.repository, test.id)
			}
		})
	}
}
