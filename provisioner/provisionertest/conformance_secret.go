package provisionertest

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func (x *trial) heard(secret provisioner.Secret, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.ContainsFunc(x.secrets, secret.Equal) {
		x.secrets = append(x.secrets, secret)
	}
	if err != nil {
		x.said = append(x.said, fmt.Sprintf("%v\n%+v", err, err))
	}
}

func (x *trial) searchSecrets() {
	log := x.log()
	for _, s := range x.secrets {
		if shows(log, s) {
			x.errorf("the log shows a runner's configuration")
		}
		if slices.ContainsFunc(x.said, func(text string) bool { return shows(text, s) }) {
			x.errorf("an error shows a runner's configuration")
		}
	}
}

// shows reports whether a text holds a secret or a good part of it, as it is or in base64.
func shows(text string, secret provisioner.Secret) bool {
	const window = 48
	for part := range slices.Chunk([]byte(secret.Reveal()), window) {
		if len(part) < window {
			break
		}
		if strings.Contains(text, string(part)) {
			return true
		}
		for shift := range 3 { // where the part begins within base64's groups of three bytes is not known
			whole := (window - shift) / 3 * 3
			if strings.Contains(text, base64.StdEncoding.EncodeToString(part[shift:shift+whole])) {
				return true
			}
		}
	}
	return false
}

// configuration has the size and the alphabet of GitHub's, and differs from every other
// registration's.
func configuration(registration int64) provisioner.Secret {
	random := rand.New(rand.NewPCG(uint64(registration), 0))
	raw := make([]byte, 3200)
	for i := range raw {
		raw[i] = byte(random.Uint32())
	}
	return provisioner.NewSecret(base64.StdEncoding.EncodeToString(raw))
}
