package browsertest

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var (
	axe         = flag.String("axe", "", "axe.min.js of the npm package axe-core; left out, nobody looks for barriers")
	screenshots = flag.String("screenshots", "", "directory for pictures of the page")
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// tab is a page in a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
	// complaints are what the browser said about the page: errors of scripts, and what the policy
	// stopped.
	complaints chan string
}

// browse starts a browser, or skips the test.
func browse(t *testing.T) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("NOT TESTED: there is no chromium; apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.NoFirstRun,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{t, ctx, make(chan string, 100)}
	err = chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.complain(e.ExceptionDetails.Text)
		case *cdplog.EventEntryAdded:
			b.complain(string(e.Entry.Source) + ": " + e.Entry.Text)
		}
	})
	if err == nil {
		_, err = chromedp.Call(ctx, cdplog.Enable, cdp.Empty{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *tab) complain(text string) {
	select {
	case b.complaints <- text:
	default:
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// says evaluates an expression in the page.
func says[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// until waits for an expression to become true.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); !says[bool](b, expression); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s did not come: %s", what, says[string](b, `document.body.innerText`))
		}
	}
}

// looks has the page be seen in a theme and a width.
func (b *tab) looks(theme string, width int64) {
	b.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}} //nolint:misspell // CSS spells it so
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.t.Fatal(err)
	}
	height := int64(800)
	if width < 500 {
		height = 700
	}
	b.do(chromedp.EmulateViewport(width, height))
}

func (b *tab) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS("main")))
}

func (b *tab) expectNoComplaint() {
	b.t.Helper()
	for {
		select {
		case c := <-b.complaints:
			b.t.Errorf("%s: the browser says %q", says[string](b, `location.href`), c)
		default:
			return
		}
	}
}

func readAxe(t *testing.T) string {
	t.Helper()
	if *axe == "" {
		t.Skip("NOT TESTED: nobody looks for barriers without -axe; make browser fetches it")
	}
	script, err := os.ReadFile(*axe)
	if err != nil || !strings.Contains(string(script), "axe") {
		t.Fatal(err)
	}
	return string(script)
}
