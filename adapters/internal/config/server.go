package config

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func (v *variables) server(cfg *Config, f *faults) {
	cfg.ListenAddr = hostPort("LISTEN_ADDR", v.ListenAddr, ":8080 or 127.0.0.1:8080", f)
	cfg.Admin = v.admin(f)
	cfg.Report = v.report(f)
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

// hostPort checks an address to listen at.
func hostPort(variable, addr, examples string, f *faults) string {
	_, port, err := net.SplitHostPort(addr)
	if _, wrong := strconv.ParseUint(port, 10, 16); err == nil && wrong == nil {
		return addr
	}
	hint := "such as " + examples
	if _, err := strconv.ParseUint(addr, 10, 16); err == nil {
		hint = "write :" + addr
	}
	f.add(variable, "%s is not a host:port: %s", quote(addr), hint)
	return addr
}

// admin takes no token only where none but this machine's users can come.
func (v *variables) admin(f *faults) Admin {
	a := Admin{Addr: v.AdminAddr, Token: v.AdminToken}
	if a.Addr == "" {
		return a
	}
	hostPort("ADMIN_ADDR", a.Addr, "127.0.0.1:9090 or :9090", f)
	if host, _, err := net.SplitHostPort(a.Addr); err == nil && a.Token.IsZero() && !isLoopback(host) {
		f.missing("ADMIN_TOKEN", "set it to a secret of your own, which everything on ADMIN_ADDR asks for; only a loopback address, such as 127.0.0.1:9090, needs none")
	}
	return a
}

func (v *variables) report(f *faults) string {
	all := []string{ReportOff, ReportStatus, ReportCheck}
	r := strings.ToLower(v.Report)
	switch {
	case !slices.Contains(all, r):
		f.add("REPORT", "%s is not one of %s", quote(v.Report), strings.Join(all, ", "))
	case r == ReportCheck && v.GitHubAppID == "":
		f.add("REPORT", "check needs a GitHub App, because GitHub lets only Apps make check runs: write status, or set GITHUB_APP_ID")
	}
	return r
}

// LoadAdmin reads from environ where a server that runs can be looked at, for those who look. addr
// comes before ADMIN_ADDR if it is set.
func LoadAdmin(ctx context.Context, environ map[string]string, secrets SecretSource, addr string) (Admin, error) {
	if secrets == nil {
		secrets = AWSSecrets()
	}
	all, f, err := parse(environ)
	if err != nil {
		return Admin{}, err
	}
	v := &variables{AdminAddr: cmp.Or(addr, all.AdminAddr), AdminToken: all.AdminToken}
	v.fetchSecrets(ctx, secrets, f)
	a := v.admin(f)
	return a, f.err()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
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
