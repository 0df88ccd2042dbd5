package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/adapters/statuspage"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/github"
	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// admin is the server of the status page and the metrics; it has no handler if ADMIN_ADDR is not
// set.
type admin struct {
	*http.Server
	page *statuspage.Handler
}

func newAdmin(cfg *config.Config, j *journal.Journal, gh *github.Client, d provisioner.Deployment, m *wiring.Metrics, log *slog.Logger) admin {
	s := &http.Server{
		Addr: cfg.Admin.Addr, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	if s.Addr == "" {
		return admin{Server: s}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metricsHandler(m))
	page := statuspage.New(j, statuspage.Config{
		Version: wiring.Version(), Deployment: string(d), StartedAt: time.Now(),
		GitHub: func() statuspage.GitHub {
			q := gh.Quota()
			return statuspage.GitHub{Up: m.GitHubUp(), Remaining: q.Remaining, Limit: q.Limit, ResetAt: q.Reset}
		},
	})
	mux.Handle("/", page)
	s.Handler = guard(cfg.Admin.Token, mux)
	return admin{s, page}
}

// guard lets those in who know the token, as a bearer's or as the password of any user. Without a
// token, which only a loopback address may be, it lets those in who ask for this machine by name:
// a web page from elsewhere that was made to lead here does not.
func guard(token provisioner.Secret, h http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token.Reveal()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'") // the page sets its own
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if token.IsZero() {
			if !isLocal(r.Host) {
				reply(w, http.StatusForbidden, "the status page of this machine is at http://localhost, and nowhere else: ADMIN_TOKEN lets others in")
				return
			}
			h.ServeHTTP(w, r)
			return
		}
		_, password, _ := r.BasicAuth()
		if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			password = bearer
		}
		if got := sha256.Sum256([]byte(password)); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub Runner Provisioner: any user name, and ADMIN_TOKEN as the password", charset="UTF-8"`)
			reply(w, http.StatusUnauthorized, "ADMIN_TOKEN is needed, as a bearer token or as the password of any user")
			return
		}
		h.ServeHTTP(w, r)
	})
}

func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// metricsHandler answers scrapes.
func metricsHandler(m *wiring.Metrics) http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes})
}

// serveAdmin listens from the service's start to its stop, when it hangs up at once: whoever looks
// on has nothing to lose.
func serveAdmin(life fx.Lifecycle, stop fx.Shutdowner, a admin, log *slog.Logger) {
	if a.Handler == nil {
		return
	}
	life.Append(fx.StartStopHook(
		func(ctx context.Context) error {
			var lc net.ListenConfig
			l, err := lc.Listen(ctx, "tcp", a.Addr)
			if err != nil {
				return err
			}
			log.Info("the status page is served", "address", l.Addr().String())
			go func() {
				if err := a.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					log.Error("the status page's server failed", "error", err)
					_ = stop.Shutdown(fx.ExitCode(1))
				}
			}()
			return nil
		},
		func() {
			a.page.Close()
			_ = a.Close()
		},
	))
}
