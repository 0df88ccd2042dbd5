package githubtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// token is the credential of an installation.
type token struct {
	account string
	expires time.Time
}

// installationToken begins the tokens of installations.
const installationToken = "ghs_"

// tokenLife is how long an installation's token is good.
const tokenLife = time.Hour

// asApp are the operations that take the App's JWT, and nothing else.
var asApp = []string{
	"GET /app", "GET /app/installations", "POST /app/installations/{installation_id}/access_tokens", "GET /repos/{owner}/{repo}/installation", "GET /orgs/{org}/installation",
	"GET /app/hook/deliveries", "GET /app/hook/deliveries/{delivery_id}", "POST /app/hook/deliveries/{delivery_id}/attempts",
}

// denied refuses who has no business here.
func (g *Server) denied(w http.ResponseWriter, r *http.Request, operation string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	kind, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if secret == "" || !strings.EqualFold(kind, "bearer") && !strings.EqualFold(kind, "token") {
		refuse(w, http.StatusUnauthorized, "Requires authentication")
		return true
	}
	installed := g.cfg.AppID != 0 && strings.HasPrefix(secret, installationToken)
	jwt := g.isJWT(secret)
	switch {
	case slices.Contains(asApp, operation):
		if !jwt {
			refuse(w, http.StatusUnauthorized, "A JSON web token could not be decoded")
		}
		return !jwt
	case installed:
		if t, ok := g.tokens[secret]; ok && time.Now().Before(t.expires) {
			return false
		}
	case jwt:
	case g.cfg.Token == "" || secret == g.cfg.Token:
		return false
	}
	refuse(w, http.StatusUnauthorized, "Bad credentials")
	return true
}

// isJWT reports whether a secret is the App's own. Only the form tells.
func (g *Server) isJWT(secret string) bool {
	return g.cfg.AppID != 0 && !strings.HasPrefix(secret, installationToken) && strings.Count(secret, ".") == 2
}

// reaches reports whether a request's credential has anything to do with an account: an
// installation's has with one alone.
func (g *Server) reaches(r *http.Request, account string) bool {
	t, ok := g.tokenOf(r)
	return !ok || t.account == account
}

func (g *Server) tokenOf(r *http.Request) (token, bool) {
	t, ok := g.tokens[secretOf(r)]
	return t, ok
}

func secretOf(r *http.Request) string {
	_, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return secret
}

func (g *Server) getInstallation(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, g.installationJSON(targetOf(r).Owner))
}

func (g *Server) listInstallations(w http.ResponseWriter, r *http.Request) {
	page(w, r, g.accounts, g.installationJSON, bare)
}

func (g *Server) createAccessToken(w http.ResponseWriter, r *http.Request) {
	id := number(r, "installation_id")
	if id < 1 || id > int64(len(g.accounts)) {
		notFound(w)
		return
	}
	t := token{account: g.accounts[id-1], expires: time.Now().Add(tokenLife)}
	secret := g.newToken(id)
	g.tokens[secret] = t
	reply(w, http.StatusCreated, map[string]any{
		"token": secret, "expires_at": stamp(t.expires), "permissions": permissions, "repository_selection": "all",
	})
}

// newToken returns a token of the form and size that GitHub hands out since April 2026, by its
// changelog of 24 April: the App's id and a JSON web token, of some 520 characters together.
func (g *Server) newToken(installation int64) string {
	serial := g.next()
	encode := base64.RawURLEncoding.EncodeToString
	header := encode([]byte(`{"alg":"RS256","typ":"JWT"}`))
	claims := encode(fmt.Appendf(nil, `{"iss":"github","sub":"installation:%d","jti":"%08d"}`, installation, serial))
	signature := encode(noise(serial, 292))
	return fmt.Sprintf("%s%d_%s.%s.%s", installationToken, g.cfg.AppID, header, claims, signature)
}

func (g *Server) listInstalledRepositories(w http.ResponseWriter, r *http.Request) {
	t, ok := g.tokenOf(r)
	if !ok {
		refuse(w, http.StatusForbidden, "You must authenticate with an installation access token in order to list repositories for an installation.")
		return
	}
	var own []provisioner.Repository
	for x := range g.repositories {
		if x.Owner == t.account {
			own = append(own, x)
		}
	}
	slices.SortFunc(own, func(a, b provisioner.Repository) int { return strings.Compare(a.Name, b.Name) })
	page(w, r, own, g.repositoryJSON, counted[json.RawMessage]("repositories"))
}

// getUser answers who the token's owner is. An installation is nobody's.
func (g *Server) getUser(w http.ResponseWriter, r *http.Request) {
	if _, installed := g.tokenOf(r); installed {
		refuse(w, http.StatusForbidden, "Resource not accessible by integration")
		return
	}
	if g.cfg.Scopes != nil {
		w.Header().Set("X-OAuth-Scopes", strings.Join(g.cfg.Scopes, ", "))
	}
	reply(w, http.StatusOK, map[string]any{"login": "octocat", "id": 1, "type": "User", "site_admin": false})
}

func (g *Server) getApp(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, g.appJSON())
}
