package githubtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// Runner groups that every account has. GitHub's own, of hosted runners, takes no others.
const (
	defaultGroup = 1
	hostedGroup  = 2
)

// maxName is the longest name of a runner.
const maxName = 64

// register is generate-jitconfig:
// https://docs.github.com/en/rest/actions/self-hosted-runners#create-configuration-for-a-just-in-time-runner-for-a-repository
func (g *Server) register(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name   string   `json:"name"`
		Group  int64    `json:"runner_group_id"`
		Labels []string `json:"labels"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	t := targetOf(r)
	var missing []string
	if in.Name == "" {
		missing = append(missing, "name")
	}
	if in.Group == 0 {
		missing = append(missing, "runner_group_id")
	}
	if len(in.Labels) == 0 {
		missing = append(missing, "labels")
	}
	switch {
	case len(missing) > 0:
		refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf("Invalid request.\n\n%q weren't supplied.", missing))
	case len(in.Name) > maxName:
		refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf("Runner name exceeds maximum length of %d characters.", maxName))
	case len(in.Labels) > 100 || slices.Contains(in.Labels, ""):
		refuse(w, http.StatusUnprocessableEntity, "There must be 1 to 100 labels, and none of them empty.")
	case in.Group == hostedGroup:
		refuse(w, http.StatusForbidden, "Runners can't be added to the group of GitHub-hosted runners.")
	case in.Group != defaultGroup && (t.Repo != "" || !slices.ContainsFunc(g.groups[t.Owner], func(x group) bool { return x.id == in.Group })):
		notFound(w)
	case slices.ContainsFunc(g.runners, func(x *Runner) bool { return x.Name == in.Name && x.Target == t }):
		refuse(w, http.StatusConflict, "Already exists - A runner with the name "+in.Name+" already exists.")
	default:
		made := g.add(t, in.Name, in.Group, in.Labels)
		reply(w, http.StatusCreated, map[string]any{"runner": made.json(), "encoded_jit_config": made.config})
	}
}

// newJITConfig returns a configuration of the usual form and size: 4.1 to 4.3 KB of base64, over
// JSON, over three files in base64, most of it a key.
func newJITConfig(r *Runner) string {
	settings := fmt.Sprintf(`{"AgentId":"%d","AgentName":%q,"PoolId":"%d","Ephemeral":"True","GitHubUrl":"https://github.com/%s","UseV2Flow":true}`,
		r.ID, r.Name, r.Group, r.Target)
	settings = fmt.Sprintf("%-420s", settings)
	b, err := json.Marshal(map[string]string{
		".runner":                base64.StdEncoding.EncodeToString([]byte(settings)),
		".credentials":           base64.StdEncoding.EncodeToString([]byte(`{"scheme":"OAuth","data":{"requireFipsCryptography":"True"}}`)),
		".credentials_rsaparams": base64.StdEncoding.EncodeToString([]byte(`{"d":"` + base64.StdEncoding.EncodeToString(noise(r.ID, 1370)) + `"}`)),
	})
	if err != nil {
		panic(err) // of strings alone
	}
	return base64.StdEncoding.EncodeToString(b)
}

// noise is as hard to compress as a key, and the same for the same runner.
func noise(seed int64, size int) []byte {
	block := binary.BigEndian.AppendUint64(nil, uint64(seed))
	out := make([]byte, 0, size+sha256.Size)
	for len(out) < size {
		sum := sha256.Sum256(block)
		block = sum[:]
		out = append(out, block...)
	}
	return out[:size]
}
