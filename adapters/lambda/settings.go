package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
)

// settings are those of both binaries, and what Lambda needs beside them.
type settings struct {
	*config.Config
	// deadLetterURL is the queue for messages that are given up. "" leaves them to SQS, which moves
	// what has been received often enough.
	deadLetterURL string
}

// load reads the settings, secrets included: once in the life of the process. The error names every
// fault.
func load(ctx context.Context, environ map[string]string) (settings, error) {
	cfg, err := config.Load(ctx, environ, nil)
	s := settings{Config: cfg, deadLetterURL: strings.TrimSpace(environ["DEAD_LETTER_URL"])}
	var faults []string
	// What is neither here has been found faulty for either binary.
	switch q := strings.TrimSpace(environ["QUEUE_URL"]); {
	case q == "" || q == "memory:" || strings.HasPrefix(q, "sqlite://"):
		faults = append(faults, "QUEUE_URL: needs the URL of an SQS queue, because a function keeps nothing between events")
	case strings.HasPrefix(q, "http") && !namesQueue(q):
		faults = append(faults, "QUEUE_URL: "+notQueue)
	case s.deadLetterURL != "" && strings.HasSuffix(q, ".fifo") != strings.HasSuffix(s.deadLetterURL, ".fifo"):
		faults = append(faults, "DEAD_LETTER_URL: the dead-letter queue of a FIFO queue is a FIFO queue too, and that of a standard queue is not")
	}
	if s.deadLetterURL != "" && !namesQueue(s.deadLetterURL) {
		faults = append(faults, "DEAD_LETTER_URL: "+notQueue)
	}
	if len(faults) > 0 {
		if cfg != nil {
			for _, w := range cfg.Warnings {
				faults = append(faults, "perhaps also: "+w)
			}
		}
		err = errors.Join(err, fmt.Errorf("on Lambda:\n  %s", strings.Join(faults, "\n  ")))
	}
	return s, err
}

const notQueue = "not the URL of an SQS queue, such as https://sqs.eu-central-1.amazonaws.com/123456789012/runner-jobs"

func namesQueue(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.Trim(u.Path, "/") != ""
}
