package codemagic

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// call is one request and what its failure means.
type call struct {
	operation string
	method    string
	path      string
	query     url.Values
	body      any
	// secrets are in the body, and must not be in an error.
	secrets []provisioner.Secret
	// repeat allows further tries, for calls that may take effect twice.
	repeat bool
	// limit is the most bytes that the answer may have. Defaults to maxAnswer.
	limit int64
	// unanswered is the class of an error after which nobody knows what happened: silence, or a
	// server's failure.
	unanswered error
}

// Calls that may be repeated are tried three times, within two seconds plus the time that the
// answers take.
const (
	tries      = 3
	firstPause = 500 * time.Millisecond
)

// The most that an answer may have, in bytes. A list has some KB for each build in the history.
const (
	maxAnswer = 1 << 20
	maxList   = 64 << 20
)

func (c *Client) do(ctx context.Context, x call, answer any) error {
	for try := 1; ; try++ {
		err := c.once(ctx, x, answer)
		if err == nil || !x.repeat || try == tries || !errors.Is(err, x.unanswered) || ctx.Err() != nil {
			return err
		}
		pause := firstPause << (try - 1)
		if sleep(ctx, pause/2+rand.N(pause/2)) != nil { //nolint:gosec // jitter needs no secrecy
			return err
		}
	}
}

func (c *Client) once(ctx context.Context, x call, answer any) error {
	within, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	request, err := c.request(within, x)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", x.operation, provisioner.ErrRefused, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.silence(ctx, within, x, err)
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, response.Body, 4<<10) // a body read to its end lets the connection be used again
		_ = response.Body.Close()
	}()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return c.failure(x, response)
	}
	if answer == nil {
		return nil
	}
	limit := cmp.Or(x.limit, maxAnswer)
	body := &io.LimitedReader{R: response.Body, N: limit + 1}
	if err := json.NewDecoder(body).Decode(answer); err != nil {
		if body.N == 0 {
			err = fmt.Errorf("the answer is larger than %d MiB", limit>>20)
		}
		return c.silence(ctx, within, x, fmt.Errorf("read the answer: %w", err))
	}
	return nil
}

func (c *Client) request(ctx context.Context, x call) (*http.Request, error) {
	address := c.cfg.BaseURL + x.path
	if len(x.query) > 0 {
		address += "?" + x.query.Encode()
	}
	var body io.Reader
	if x.body != nil {
		encoded, err := json.Marshal(x.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, x.method, address, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Auth-Token", c.token.Reveal())
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}

// silence is the error of a call without an answer. The call's own time limit is not passed on as
// the caller's: that would look as if ctx had ended.
func (c *Client) silence(ctx, within context.Context, x call, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w: %w", x.operation, x.unanswered, ctx.Err())
	case within.Err() != nil:
		return fmt.Errorf("%s: %w within %s", x.operation, x.unanswered, c.cfg.Timeout)
	}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		err = sent.Err // the address says nothing that the operation does not
	}
	return fmt.Errorf("%s: %w: %w", x.operation, x.unanswered, provisioner.RedactError(err, append(x.secrets, c.token)...))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
