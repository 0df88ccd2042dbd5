package config

import (
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func (v *variables) server(cfg *Config, f *faults) {
	cfg.ListenAddr = v.listenAddr(f)
	cfg.QueueURL = v.queue(f)
	cfg.ReconcileInterval = v.reconcileInterval(f)
	cfg.Deployment = provisioner.Deployment(v.Deployment)
	if cfg.Deployment != "" && cfg.Deployment.Validate() != nil {
		f.add("DEPLOYMENT", "%s is not 1 to 32 of a-z 0-9 -", quote(v.Deployment))
	}
	cfg.LogLevel = v.logLevel(f)
	cfg.LogFormat = strings.ToLower(v.LogFormat)
	if formats := []string{"json", "text"}; !slices.Contains(formats, cfg.LogFormat) {
		f.add("LOG_FORMAT", "%s is not one of %s", quote(v.LogFormat), strings.Join(formats, ", "))
	}
}

func (v *variables) listenAddr(f *faults) string {
	_, port, err := net.SplitHostPort(v.ListenAddr)
	if _, wrong := strconv.ParseUint(port, 10, 16); err == nil && wrong == nil {
		return v.ListenAddr
	}
	hint := "such as :8080 or 127.0.0.1:8080"
	if _, err := strconv.ParseUint(v.ListenAddr, 10, 16); err == nil {
		hint = "write :" + v.ListenAddr
	}
	f.add("LISTEN_ADDR", "%s is not a host:port: %s", quote(v.ListenAddr), hint)
	return v.ListenAddr
}

// minReconcileInterval keeps a forgotten unit (60ms) from using up GitHub's rate limit.
const minReconcileInterval = time.Second

func (v *variables) reconcileInterval(f *faults) time.Duration {
	d, err := time.ParseDuration(v.ReconcileInterval)
	switch _, plain := strconv.ParseUint(v.ReconcileInterval, 10, 32); {
	case err != nil && plain == nil:
		f.add("RECONCILE_INTERVAL", "%s has no unit: write %ss", quote(v.ReconcileInterval), v.ReconcileInterval)
	case err != nil:
		f.add("RECONCILE_INTERVAL", "%s is not a duration: write it like 30s or 1m, or 0 to turn the reconciler off", quote(v.ReconcileInterval))
	case d != 0 && d < minReconcileInterval:
		f.add("RECONCILE_INTERVAL", "%s is shorter than %s: write 0 to turn the reconciler off", quote(v.ReconcileInterval), minReconcileInterval)
	}
	return d
}

func (v *variables) logLevel(f *faults) slog.Level {
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	names := make([]string, len(levels))
	for i, l := range levels {
		if names[i] = strings.ToLower(l.String()); names[i] == strings.ToLower(v.LogLevel) {
			return l
		}
	}
	f.add("LOG_LEVEL", "%s is not one of %s", quote(v.LogLevel), strings.Join(names, ", "))
	return slog.LevelInfo
}
