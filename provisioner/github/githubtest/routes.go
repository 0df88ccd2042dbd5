package githubtest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// routes names the operations as GitHub's description of its API does.
func (g *Server) routes() {
	for _, at := range []string{"/repos/{owner}/{repo}", "/orgs/{org}"} {
		runners := at + "/actions/runners"
		g.route("POST "+runners+"/generate-jitconfig", g.register)
		g.route("GET "+runners, g.listRunners)
		g.route("GET "+runners+"/downloads", g.listDownloads)
		g.route("GET "+runners+"/deprecations/{version}", g.getDeprecation)
		g.route("GET "+runners+"/{runner_id}", g.getRunner)
		g.route("DELETE "+runners+"/{runner_id}", g.deleteRunner)
		g.route("GET "+at+"/hooks/{hook_id}", g.getHook)
		g.route("GET "+at+"/hooks/{hook_id}/deliveries", g.listDeliveries)
		g.route("GET "+at+"/hooks/{hook_id}/deliveries/{delivery_id}", g.getDelivery)
		g.route("POST "+at+"/hooks/{hook_id}/deliveries/{delivery_id}/attempts", g.redeliver)
		g.route("GET "+at+"/installation", g.getInstallation)
	}
	g.route("GET /orgs/{org}/actions/runner-groups", g.listGroups)
	g.route("GET /repos/{owner}/{repo}", g.getRepository)
	g.route("GET /repos/{owner}/{repo}/actions/runs", g.listRuns)
	g.route("GET /repos/{owner}/{repo}/actions/runs/{run_id}", g.getRun)
	g.route("GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs", g.listJobs)
	g.route("GET /repos/{owner}/{repo}/actions/jobs/{job_id}", g.getJob)
	g.route("POST /repos/{owner}/{repo}/statuses/{sha}", g.createStatus)
	g.route("POST /repos/{owner}/{repo}/check-runs", g.createCheckRun)
	g.route("GET /app/hook/deliveries", g.listDeliveries)
	g.route("GET /app/hook/deliveries/{delivery_id}", g.getDelivery)
	g.route("POST /app/hook/deliveries/{delivery_id}/attempts", g.redeliver)
	g.route("GET /app/installations", g.listInstallations)
	g.route("POST /app/installations/{installation_id}/access_tokens", g.createAccessToken)
	g.route("GET /installation/repositories", g.listInstalledRepositories)
	g.route("GET /user", g.getUser)
	g.route("GET /user/repos", g.listRepositories)
	g.route("GET /app", g.getApp)
	g.route(askRateLimit, g.getRateLimit)
	g.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound(w) })
}

// route serves an operation, with the state locked and up to date, for repositories and
// organisations that exist and that the credential may see.
func (g *Server) route(operation string, h http.HandlerFunc) {
	serve := func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.catchUp()
		t := targetOf(r)
		switch {
		case t.Owner != "" && !g.reaches(r, t.Owner), t.Repo != "" && g.repositories[repositoryOf(r)] == 0, t.Owner != "" && !slices.Contains(g.accounts, t.Owner):
			notFound(w)
		case g.refusedAccess(w, t):
		default:
			h(w, r)
		}
	}
	method, path, _ := strings.Cut(operation, " ")
	g.mux.HandleFunc(method+" "+path, serve)
	g.mux.HandleFunc(method+" "+enterprise+path, serve)
}

// targetOf returns the repository or organisation in a request's path; the zero target if there is
// none.
func targetOf(r *http.Request) provisioner.Target {
	if org := r.PathValue("org"); org != "" {
		return provisioner.Target{Owner: org}
	}
	return provisioner.Target{Owner: r.PathValue("owner"), Repo: r.PathValue("repo")}
}

func repositoryOf(r *http.Request) provisioner.Repository {
	return provisioner.Repository{Owner: r.PathValue("owner"), Name: r.PathValue("repo")}
}

// number returns an id in a request's path; 0, which nothing has, if it is none.
func number(r *http.Request, name string) int64 {
	n, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (g *Server) getRepository(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, g.repositoryJSON(repositoryOf(r)))
}

// listRepositories lists those of the token's owner, who administers them all.
func (g *Server) listRepositories(w http.ResponseWriter, r *http.Request) {
	var own []provisioner.Repository
	for x := range g.repositories {
		if g.access[provisioner.Target{Owner: x.Owner, Repo: x.Name}] != Hidden {
			own = append(own, x)
		}
	}
	slices.SortFunc(own, func(a, b provisioner.Repository) int { return cmp.Compare(g.repositories[b], g.repositories[a]) }) // the newest first
	page(w, r, own, g.repositoryJSON, bare[json.RawMessage])
}
