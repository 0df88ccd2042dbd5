package server

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/caarlos0/env/v10"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
)

// lookTimeout is for one question to a server.
const lookTimeout = 30 * time.Second

// mostAnswer bounds what a server's answer may take.
const mostAnswer = 64 << 20

// errNowhere says that no server is named that could be asked.
var errNowhere = errors.New("no server is named: set ADMIN_ADDR, or --admin-addr HOST:PORT, to the address of its status page, and ADMIN_TOKEN to its token")

// looker asks a server for its pages, as the flags of a command say.
type looker struct {
	addr   string // comes before ADMIN_ADDR
	asJSON bool
}

// lookerFor reads the arguments of a command that asks a server.
func lookerFor(command string, args []string, takes int) (l looker, rest []string, wrong error) {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.BoolVar(&l.asJSON, "json", false, "")
	flags.StringVar(&l.addr, "admin-addr", "", "")
	rest, wrong = parse(flags, args, takes)
	return l, rest, wrong
}

// show writes an answer as it is, or for people.
func show[T any](out streams, asJSON bool, body []byte, err error, write func(io.Writer, T)) int {
	var answer T
	if err == nil && !asJSON {
		err = json.Unmarshal(body, &answer)
	}
	switch {
	case err != nil:
		fmt.Fprintln(out.err, err)
		return exitFailed
	case asJSON:
		_, _ = out.out.Write(body)
	default:
		write(out.out, answer)
	}
	return exitOK
}

// look asks a server for one of its pages as JSON.
func (l looker) look(ctx context.Context, path string) ([]byte, error) {
	admin, err := config.LoadAdmin(ctx, env.ToMap(os.Environ()), nil, l.addr)
	if err != nil {
		return nil, err
	}
	if admin.Addr == "" {
		return nil, errNowhere
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(admin.Addr)+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if !admin.Token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+admin.Token.Reveal())
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the server at %s does not answer: %w", admin.Addr, errors.Unwrap(err))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return nil, fmt.Errorf("the server at %s does not finish its answer: %w", admin.Addr, err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusNotFound:
		var told statuspage.Problem
		if json.Unmarshal(body, &told) == nil && told.Error != "" {
			return nil, errors.New(strings.Join(append([]string{told.Error}, told.Meaning...), "\n- "))
		}
		return nil, fmt.Errorf("what is at %s is no status page of this service: it answers 404", admin.Addr)
	case http.StatusUnauthorized:
		return nil, fmt.Errorf("the server at %s does not accept ADMIN_TOKEN", admin.Addr)
	default:
		return nil, fmt.Errorf("the server at %s answers %d: %s", admin.Addr, resp.StatusCode, strings.TrimSpace(string(body[:min(len(body), 200)])))
	}
}

// reachable is where an address to listen at can be asked from the same machine.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return addr
}
