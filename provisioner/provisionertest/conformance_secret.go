package provisionertest

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
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

// quoted launches, and plans, until a cloud has repeated the request in every way.
func (x *trial) quoted(ctx context.Context) {
	f := x.arm(quote, forEver)
	l := x.order(42, 7)
	for range 2 * len(fakehttp.Quotes()) {
		_, err := x.launch(ctx, l)
		x.failed(err, provisioner.ErrRefused, "at a cloud that repeats the request")
	}
	x.held(f, l)
	if plans.has(x.Harness) {
		x.planned(ctx)
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
