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
	log, said := x.log(), strings.Join(x.said, "\n")
	for _, s := range x.secrets {
		if Shows(log, s) {
			x.errorf("the log shows a runner's configuration")
		}
		if Shows(said, s) {
			x.errorf("an error shows a runner's configuration")
		}
	}
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
