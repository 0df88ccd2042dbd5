package wiring

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/reconcile"
)

// newDeployment is what DEPLOYMENT says, or else what the queue stands for: it is what replicas
// share, and what outlives restarts and changes of credentials.
func newDeployment(cfg *config.Config, q queue.Queue) (provisioner.Deployment, error) {
	if cfg.Deployment != "" {
		return cfg.Deployment, nil
	}
	if store, ok := q.(reconcile.Store); ok {
		return storedDeployment(store)
	}
	if cfg.QueueURL == "memory:" {
		return hostDeployment(cfg.GitHub.APIURL), nil
	}
	return provisioner.Deployment("sqs-" + fingerprint(cfg.QueueURL)), nil
}

const deploymentKey = "deployment"

// storedDeployment makes an id at the first start with a file. Whoever moves the file away makes a
// new deployment, and what the old one launched is left to end by itself, unless DEPLOYMENT names
// it.
func storedDeployment(store reconcile.Store) (provisioner.Deployment, error) {
	ctx := context.Background()
	value, ok, err := store.Get(ctx, deploymentKey)
	if err == nil && !ok {
		value = strings.ToLower(rand.Text()[:12])
		err = store.Put(ctx, deploymentKey, value)
	}
	if err != nil {
		return "", fmt.Errorf("the deployment's id can't be kept in the queue's file: %w", err)
	}
	return provisioner.Deployment(value), nil
}

var notInDeployment = regexp.MustCompile(`[^a-z0-9]+`)

// hostDeployment turns a host into a name: api-github-com.
func hostDeployment(address string) provisioner.Deployment {
	host := address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		host = u.Host
	}
	name := strings.Trim(notInDeployment.ReplaceAllString(strings.ToLower(host), "-"), "-")
	if len(name) == 0 || len(name) > 32 {
		name = "host-" + fingerprint(host)
	}
	return provisioner.Deployment(name)
}

func fingerprint(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
