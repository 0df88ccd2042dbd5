package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.uber.org/fx"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/adapters/internal/wiring"
	"github.com/datawire/github-runner-provisioner/provisioner/queue"
	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// newServer returns the server with its four paths, or three if the metrics are served elsewhere.
// GitHub hangs up after 10 s, so only dry runs come near the time limits.
func newServer(cfg *config.Config, receiver *webhook.Receiver, q queue.Queue, m *wiring.Metrics, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.Handle(cfg.Webhook.Path, receiver)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", ready(q, log))
	if cfg.Admin.Addr == "" {
		mux.Handle("GET /metrics", metricsHandler(m))
	}
	return &http.Server{
		Addr: cfg.ListenAddr, Handler: mux,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// scrapes is how many may ask for metrics at once; others get 503.
const scrapes = 4

// pinger is a queue that can say whether it is usable.
type pinger interface {
	Ping(ctx context.Context) error
}

const (
	// readyTimeout is below the time that probes usually wait.
	readyTimeout = 2 * time.Second
	// readyMemory keeps strangers who ask from being dear: a ping costs a write to the disk, or a
	// request that AWS bills.
	readyMemory = time.Second
)

// ready answers whether jobs can be accepted. The configuration was found usable before the server
// started.
func ready(q queue.Queue, log *slog.Logger) http.HandlerFunc {
	p, ok := q.(pinger)
	if !ok {
		return func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, "ready") }
	}
	usable := wiring.NewRemembered(func(ctx context.Context) (struct{}, error) { return struct{}{}, p.Ping(ctx) }, readyTimeout, readyMemory)
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := usable.Get(r.Context()); err != nil {
			log.ErrorContext(r.Context(), "the queue is not usable", "error", err)
			reply(w, http.StatusServiceUnavailable, "the queue is not usable; the log says why")
			return
		}
		reply(w, http.StatusOK, "ready")
	}
}

func reply(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n"))
}

const (
	// clientShare is how long requests in progress may take once the service is to stop.
	clientShare = 8 * time.Second
	// workShare is how long, from then on, launches under way may take: the worker interrupts them
	// after 10 s. The rest of stopTimeout is for the queue.
	workShare = 17 * time.Second
)

// serve listens and works from the service's start to its stop. Then no job is begun any more, at
// once, while the requests in progress and the launches under way end.
func serve(life fx.Lifecycle, stop fx.Shutdowner, s *http.Server, b *background, cfg *config.Config, log *slog.Logger) {
	life.Append(fx.StartStopHook(
		func(ctx context.Context) error {
			var lc net.ListenConfig
			l, err := lc.Listen(ctx, "tcp", s.Addr)
			if err != nil {
				return err
			}
			b.start()
			log.Info("listening", "address", l.Addr().String(), "path", cfg.Webhook.Path)
			go func() {
				if err := s.Serve(l); err != nil && err != http.ErrServerClosed {
					log.Error("the server failed", "error", err)
					_ = stop.Shutdown(fx.ExitCode(1))
				}
			}()
			return nil
		},
		func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, workShare)
			defer cancel()
			b.stop()
			hangUp(ctx, s, log)
			return b.wait(ctx)
		},
	))
}

// hangUp lets the requests in progress finish, and cuts those off that take too long.
func hangUp(ctx context.Context, s *http.Server, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, clientShare)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		log.Warn("clients that are too slow were cut off", "error", err)
		_ = s.Close()
	}
}
