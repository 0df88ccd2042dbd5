package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// signatureHeader carries the only signature that counts. X-Hub-Signature is SHA-1, and go-github's
// ValidateSignature takes SHA-1 even in this header, so neither is used
// (https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries).
const signatureHeader = "X-Hub-Signature-256"

// keys are the secrets of which any makes a signature good.
type keys []provisioner.Secret

func newKeys(secret, previous provisioner.Secret) keys {
	all := keys{secret}
	if !previous.IsZero() {
		all = append(all, previous)
	}
	return all
}

// verify reports whether sum is the HMAC of the raw body, which comes in pieces, under one of the
// keys. It compares in constant time.
func (k keys) verify(sum [sha256.Size]byte, body ...[]byte) bool {
	for _, key := range k {
		mac := hmac.New(sha256.New, []byte(key.Reveal()))
		for _, piece := range body {
			_, _ = mac.Write(piece)
		}
		var space [sha256.Size]byte
		if hmac.Equal(sum[:], mac.Sum(space[:0])) {
			return true
		}
	}
	return false
}

// parseSignature reads "sha256=" and 64 hexadecimal digits of either case.
func parseSignature(header string) (sum [sha256.Size]byte, ok bool) {
	digits, ok := strings.CutPrefix(header, "sha256=")
	if !ok || len(digits) != hex.EncodedLen(sha256.Size) {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(digits))
	return sum, err == nil
}
