package browsertest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

// pages are what there is to be seen, by the name of its picture. Some pictures are kept.
var pages = []struct {
	name, path string
	kept       []int64 // widths
}{
	{"overview", "/", []int64{1280, 320}},
	{"jobs", "/jobs", []int64{1280}},
	{"job-waiting", "/jobs/" + strconv.Itoa(capacityJob), nil},
	{"job-booting", "/jobs/" + strconv.Itoa(bootJob), nil},
	{"job-ended", "/jobs/" + strconv.Itoa(endedJob), []int64{1280}},
	{"job-denied", "/jobs/" + strconv.Itoa(deniedJob), nil},
	{"machines", "/machines", nil},
	{"unknown", "/jobs/4711", nil},
}

func TestEveryPageRendersInBothThemesAndWidths(t *testing.T) {
	b := browse(t)
	address := newScene(t).serve()
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 768, 320} {
			b.looks(theme, width)
			for _, page := range pages {
				b.open(address + page.path)
				if page.name == "unknown" {
					<-b.complaints // that it is not found
				}
				if h1 := says[string](b, `document.querySelector("main h1").innerText`); h1 == "" {
					t.Errorf("%s has no headline", page.name)
				}
				if wide := says[int64](b, `document.documentElement.scrollWidth`); wide > width {
					t.Errorf("%s is %d px wide in %d", page.name, wide, width)
				}
				b.expectNoComplaint()
				if *screenshots != "" && slices.Contains(page.kept, width) {
					b.picture(fmt.Sprintf("%s-%s-%d.png", page.name, theme, width))
				}
			}
		}
	}
}

func (b *tab) picture(name string) {
	b.t.Helper()
	b.until("the stream", `document.getElementById("live").textContent === "live"`)
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func TestTheSearchFindsAJob(t *testing.T) {
	b := browse(t)
	b.open(newScene(t).serve() + "/")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), fmt.Sprintf("https://github.com/octo-org/api/actions/runs/1/job/%d?pr=3", capacityJob)+kb.Enter))
	b.until("the job's page", fmt.Sprintf(`location.pathname === "/runners/jobs/%d" && document.querySelector("main h1") !== null`, capacityJob))
	if text := says[string](b, `document.querySelector(".lead").innerText`); !strings.HasPrefix(text, "EC2 has no capacity for gpu-x64") {
		t.Errorf("the page begins with %q", text)
	}
	b.expectNoComplaint()
}

func TestALiveUpdateArrivesAndLeavesTheReaderAlone(t *testing.T) {
	b := browse(t)
	s := newScene(t)
	b.looks("light", 320) // so that there is something to be scrolled
	b.open(s.serve() + "/")
	b.until("the stream", `document.getElementById("live").textContent === "live"`)
	b.do(chromedp.Evaluate[chromedp.Void](`
		window.same = true;
		document.getElementById("q").value = "half typed";
		document.querySelector('main a[href*="type=windows-x64"]').focus();
		window.scrollTo(0, 300);`))
	place := says[float64](b, `window.scrollY`)

	j := s.job(time.Now())
	j.Name = "came while you were looking"
	s.tell(provisioner.EventDenied, provisioner.Event{Job: j, Reason: provisioner.Reason{Because: provisioner.BecauseNotAllowed, Detail: "it is new"}})
	b.until("the news", `document.querySelector("main").innerText.includes("came while you were looking")`)
	if !says[bool](b, `window.same && document.getElementById("q").value === "half typed" && document.activeElement.href.includes("type=windows-x64")`) || says[float64](b, `window.scrollY`) != place || place == 0 {
		t.Errorf("the reader is somewhere else: %v", says[string](b, `document.activeElement.outerHTML + " at " + window.scrollY`))
	}
	b.expectNoComplaint()
}

// TestNobodyIsKeptOut has axe-core look for barriers, of any weight.
func TestNobodyIsKeptOut(t *testing.T) {
	script := readAxe(t)
	b := browse(t)
	address := newScene(t).serve()
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 320} {
			b.looks(theme, width)
			for _, page := range pages {
				b.open(address + page.path)
				b.do(chromedp.Evaluate[chromedp.Void](script))
				var found []struct {
					ID, Impact, Help string
					Nodes            []struct{ HTML, FailureSummary string }
				}
				text := says[string](b, `axe.run().then(r => { if (r.passes.length < 10) throw new Error("nothing was looked at"); return JSON.stringify(r.violations); })`)
				if err := json.Unmarshal([]byte(text), &found); err != nil {
					t.Fatal(err)
				}
				for _, v := range found {
					t.Errorf("%s, %s, %d px: %s (%s): %s: %.1000v", page.name, theme, width, v.ID, v.Impact, v.Help, v.Nodes)
				}
			}
		}
	}
}
