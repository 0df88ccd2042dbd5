package githubtest

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// examplePayload is GitHub's own example of a workflow_job event; testdata has its licence.
//
//go:embed testdata/workflow_job.json
var examplePayload []byte

// example is what repositories and accounts look like, most of it addresses, as GitHub writes them.
var example = sync.OnceValue(func() (out struct{ repository, account, sender json.RawMessage }) {
	var p struct {
		Repository json.RawMessage `json:"repository"`
		Sender     json.RawMessage `json:"sender"`
	}
	var r struct {
		Owner json.RawMessage `json:"owner"`
	}
	if err := json.Unmarshal(examplePayload, &p); err != nil {
		panic(err) // it is embedded, and unchanged
	}
	if err := json.Unmarshal(p.Repository, &r); err != nil {
		panic(err)
	}
	out.repository, out.account, out.sender = p.Repository, r.Owner, p.Sender
	return out
})

// The names in the example.
const (
	exampleRepository = "Codertocat/Hello-World"
	exampleAccount    = "Octocoders"
)

// rendered keeps what repositories look like, for all fakes of a process: it is the same for all,
// but for the ids.
var rendered sync.Map // of rendering to json.RawMessage

type rendering struct {
	provisioner.Repository
	id, owner int64
}

// repositoryJSON is a repository as all answers and payloads show it.
func (g *Server) repositoryJSON(r provisioner.Repository) json.RawMessage {
	return repositoryJSON(r, g.repositories[r], slices.Index(g.accounts, r.Owner)+1)
}

func repositoryJSON(r provisioner.Repository, id int64, account int) json.RawMessage {
	key := rendering{r, id, accountID(account)}
	if b, ok := rendered.Load(key); ok {
		return b.(json.RawMessage)
	}
	text := strings.ReplaceAll(string(example().repository), exampleRepository, r.String())
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err) // only of names that are not GitHub's
	}
	m["id"], m["name"], m["full_name"], m["owner"] = id, r.Name, r.String(), accountJSON(r.Owner, account)
	m["private"], m["visibility"], m["default_branch"], m["has_discussions"] = true, "private", branch, false
	m["network_count"], m["subscribers_count"] = 0, 0
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	rendered.Store(key, json.RawMessage(b))
	return b
}

// accountID makes an id of an account's place among all.
func accountID(place int) int64 { return 38302899 + int64(place) }

func accountJSON(login string, place int) map[string]any {
	var m map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(example().account), exampleAccount, login)), &m); err != nil {
		panic(err)
	}
	m["id"] = accountID(place)
	return m
}
