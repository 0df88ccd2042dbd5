package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// newServer returns the server with its four paths. GitHub hangs up after 10 s, so only dry runs
// come near the time limits.
func newServer(cfg *config.Config, receiver *webhook.Receiver, q queue.Queue, m *wiring.Metrics, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.Handle(cfg.Webhook.Path, receiver)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", ready(q, log))
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{}))
	return &http.Server{
		Addr: cfg.ListenAddr, Handler: mux,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// pinger is a queue that can say whether it is usable.
type pinger interface {
	Ping(ctx context.Context) error
}

// readyTimeout is below the time that probes usually wait.
const readyTimeout = 2 * time.Second

// ready answers whether jobs can be accepted. The configuration was found usable before the server
// started.
func ready(q queue.Queue, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if p, ok := q.(pinger); ok {
			if err := p.Ping(ctx); err != nil {
				log.ErrorContext(ctx, "the queue is not usable", "error", err)
				reply(w, http.StatusServiceUnavailable, "the queue is not usable; the log says why")
				return
			}
		}
		reply(w, http.StatusOK, "ready")
	}
}

func reply(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n"))
}

// serve listens from the service's start to its stop, which lets requests in progress finish.
func serve(life fx.Lifecycle, stop fx.Shutdowner, s *http.Server, cfg *config.Config, log *slog.Logger) {
	life.Append(fx.StartStopHook(
		func(ctx context.Context) error {
			var lc net.ListenConfig
			l, err := lc.Listen(ctx, "tcp", s.Addr)
			if err != nil {
				return err
			}
			log.Info("listening", "address", l.Addr().String(), "path", cfg.Webhook.Path)
			go func() {
				if err := s.Serve(l); err != nil && err != http.ErrServerClosed {
					log.Error("the server failed", "error", err)
					_ = stop.Shutdown(fx.ExitCode(1))
				}
			}()
			return nil
		},
		func(ctx context.Context) error { return s.Shutdown(ctx) },
	))
}
