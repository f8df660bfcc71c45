package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// sight is how long a browser is waited for. It has a lot to do when a page with every permission is looked at.
const sight = time.Minute

// browser is a headless Chromium with one page, which may reach one origin alone.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
	axe  string // the accessibility checker

	mu    sync.Mutex
	wrong []string
}

// openBrowser starts Chromium for the pages of an origin. At the end of the test nothing may have been asked for elsewhere,
// and no page may have had an error in its script, or broken its own content security policy.
func openBrowser(t *testing.T, base string) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("it walks through a browser, which needs its time")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "chromium is not here: apt-get install chromium")
	}
	axe, err := os.ReadFile(filepath.Join("testdata", "clients", "axe", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		missing(t, "axe-core is not here: make clients")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("font-render-hinting", "none"))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	b := &browser{t: t, base: base, axe: string(axe)}
	ctx, closePage := chromedp.NewContext(allocator, chromedp.WithListener(b.watch))
	b.ctx = ctx
	t.Cleanup(func() {
		closePage()
		stop()
		for _, w := range b.faults() {
			t.Errorf("the page did wrong: %s", w)
		}
	})
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	b.look("light", 1280, 900)
	return b
}

// faults gives what the pages did that no page may, and forgets it.
func (b *browser) faults() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	wrong := b.wrong
	b.wrong = nil
	return wrong
}

// watch notes what a page asks for, and what goes wrong in it.
func (b *browser) watch(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.base+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "about:") {
			b.note("it asked for %s", u)
		}
	case *network.EventResponseReceived:
		if e.Type != network.ResourceTypeDocument && e.Response.Status >= 400 { // documents are looked at by the tests
			b.note("%s was answered with %d", e.Response.URL, e.Response.Status)
		}
	case *runtime.EventExceptionThrown:
		b.note("its script failed: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *log.EventEntryAdded:
		// A document that is refused is meant to be: its status is looked at by the test.
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "the server responded with a status of 4") {
			b.note("it said: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		b.note("it opened a dialog: %s", e.Message)
	}
}

// run runs steps, each of which must be done in time.
func (b *browser) run(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, sight)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v\n%s\n%s", what, err, b.address(), b.body())
	}
}

// address is where the page is now.
func (b *browser) address() string {
	at, _ := chromedp.Run(b.ctx, chromedp.Location())
	return strings.TrimPrefix(at, b.base)
}

// body is the text of the page as a person sees it.
func (b *browser) body() string {
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	return text
}

// open loads a page, and gives its status.
func (b *browser) open(path string) int64 {
	b.t.Helper()
	return b.loads("opening "+path, chromedp.Navigate(b.base+path))
}

// loads runs a step that loads a document, and gives the status of the one that stands at the end.
func (b *browser) loads(what string, step chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, sight)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s\n%s", what, err, b.address(), b.body())
	}
	if response == nil {
		b.t.Fatalf("%s: no document was loaded", what)
	}
	return response.Status
}

// fill types into a field, in place of what stands there.
func (b *browser) fill(selector, text string) {
	b.t.Helper()
	field := chromedp.CSS(selector)
	b.run("filling "+selector, chromedp.WaitVisible(field), chromedp.Evaluate[chromedp.Void](`document.querySelector(`+quoted(selector)+`).select()`),
		chromedp.SendKeys(field, text))
}

// click clicks on something that loads no other page.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.run("clicking on "+selector, chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector),
		chromedp.NodeVisible))
}

// follow clicks on something that loads another page, and gives that one's status.
func (b *browser) follow(selector string) int64 {
	b.t.Helper()
	b.run("looking for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.ScrollIntoView(chromedp.CSS(selector)))
	return b.loads("following "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// evaluate gives the value of an expression of the page's, which may be a promise.
func evaluate[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, sight)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("evaluating %s: %v\n%s", expression[:min(len(expression), 200)], err, b.address())
	}
	return value
}

// becomes waits until an expression of the page's is true.
func (b *browser) becomes(expression string) {
	b.t.Helper()
	for end := time.Now().Add(sight); ; time.Sleep(50 * time.Millisecond) {
		if evaluate[bool](b, "!!("+expression+")") {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s: it is not so that %s\n%s", b.address(), expression, b.body())
		}
	}
}

// sees waits until every text stands on the page, as a person reads it.
func (b *browser) sees(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		for end := time.Now().Add(sight); !strings.Contains(plainSpaces(b.body()), text); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				b.t.Fatalf("%s does not show %q:\n%s", b.address(), text, b.body())
			}
		}
	}
}

// seesNot holds that a text does not stand on the page.
func (b *browser) seesNot(text string) {
	b.t.Helper()
	if strings.Contains(plainSpaces(b.body()), text) {
		b.t.Errorf("%s shows %q:\n%s", b.address(), text, b.body())
	}
}

func plainSpaces(s string) string { return strings.Join(strings.Fields(s), " ") }

func quoted(s string) string { data, _ := json.Marshal(s); return string(data) }

// look has the page shown light or dark, in a window of that size.
func (b *browser) look(scheme string, width, height int64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600})
	if err == nil {
		_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	}
	if err != nil {
		b.t.Fatalf("looking at it %s: %v", scheme, err)
	}
}

// finding is one rule of axe-core that a page breaks.
type finding struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// view is how a page is looked at.
type view struct {
	scheme string
	width  int64
}

// accessible holds the present page to what barriers looks for, light on a screen and dark on a phone, or as views say. It is told at
// the end of the test, whose walk goes on.
func (b *browser) accessible(name string, views ...view) {
	b.t.Helper()
	for _, barrier := range b.barriers(views...) {
		b.note("%s: %s", name, barrier)
	}
}

// heading is one that a person can see.
type heading struct {
	Level int64
	Text  string
}

// disorder says what is wrong with the headings of a page: the first is the only one of level 1, none is more than one level below
// the one before it, and steps are counted in their order.
func disorder(all []heading) (wrong []string) {
	if len(all) == 0 || all[0].Level != 1 {
		wrong = append(wrong, "it does not begin with a heading of level 1")
	}
	step := 0
	for i, h := range all {
		if i > 0 && h.Level == 1 {
			wrong = append(wrong, fmt.Sprintf("%q is a second heading of level 1", h.Text))
		}
		if i > 0 && h.Level > all[i-1].Level+1 {
			wrong = append(wrong, fmt.Sprintf("%q of level %d follows %q of level %d", h.Text, h.Level, all[i-1].Text, all[i-1].Level))
		}
		n := 0
		if _, err := fmt.Sscanf(h.Text, "%d. ", &n); err == nil {
			if n != step && n != step+1 {
				wrong = append(wrong, fmt.Sprintf("%q comes behind step %d", h.Text, step))
			}
			step = n
		}
	}
	return wrong
}

// note keeps what is wrong until the end of the test.
func (b *browser) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
}

// barriers looks at the present page by axe-core's rules, light on a screen and dark on a phone or as views say, and gives what is
// serious or critical, headings in disorder, and what stands out of the window's width. What is less is logged.
func (b *browser) barriers(views ...view) (found []string) {
	b.t.Helper()
	defer b.look("light", 1280, 900)
	said := map[string]bool{}
	evaluate[bool](b, b.axe+"; true")
	found = disorder(evaluate[[]heading](b, `[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(h => h.checkVisibility())
		.map(h => ({Level: Number(h.tagName[1]), Text: h.innerText}))`))
	if len(views) == 0 {
		views = []view{{"light", 1280}, {"dark", 360}}
	}
	for _, v := range views {
		scheme, width := v.scheme, v.width
		b.look(scheme, width, 900)
		for _, f := range evaluate[[]finding](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`) {
			if said[f.ID] {
				continue
			}
			said[f.ID] = true
			text := fmt.Sprintf("%s, %d wide: %s (%s): %s", scheme, width, f.ID, f.Impact, f.Help)
			for _, n := range f.Nodes {
				text += "\n  " + n.HTML + "\n  " + strings.ReplaceAll(n.Summary, "\n", "\n  ")
			}
			if f.Impact == "serious" || f.Impact == "critical" {
				found = append(found, text)
			} else {
				b.t.Log(text)
			}
		}
		wide := evaluate[struct {
			Page   int64
			Widest string
		}](b, `({Page: document.documentElement.scrollWidth, Widest: [...document.body.querySelectorAll("*")].filter(e =>
			e.getBoundingClientRect().right > `+fmt.Sprint(width)+` + 1).map(e => e.outerHTML.slice(0, 120)).slice(0, 3).join(" | ")})`)
		if wide.Page > width {
			found = append(found, fmt.Sprintf("%d wide: the page is %d wide: %s", width, wide.Page, wide.Widest))
		}
	}
	return found
}

// picture writes what the browser shows, light and dark, when PATGATE_SCREENSHOTS names a folder. The window is that high.
func (b *browser) picture(name string, height int64) {
	b.t.Helper()
	dir := os.Getenv("PATGATE_SCREENSHOTS")
	if dir == "" {
		return
	}
	defer b.look("light", 1280, 900)
	for _, scheme := range []string{"light", "dark"} {
		b.look(scheme, 1280, height)
		evaluate[bool](b, `document.activeElement.blur(); scrollTo(0, 0); document.fonts.ready.then(() => true)`)
		data, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			b.t.Fatal(err)
		}
		small, err := fewColours(data)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), small, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// fewColours writes a picture with its 256 most frequent colours, which for flat pages cannot be told from all of them.
func fewColours(data []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	counts := map[color.RGBA]int{}
	bounds := full.Bounds()
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	var colours []color.RGBA
	for c := range counts {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int { return counts[b] - counts[a] })
	var palette color.Palette
	for _, c := range colours[:min(len(colours), 256)] {
		palette = append(palette, c)
	}
	nearest := map[color.RGBA]uint8{}
	out := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := at(x, y)
			index, known := nearest[c]
			if !known {
				index = uint8(palette.Index(c))
				nearest[c] = index
			}
			out.SetColorIndex(x, y, index)
		}
	}
	var small bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, out)
	return small.Bytes(), err
}

// TestTheBrowserSeesWhatIsWrong shows that each thing the console's pages are held to can be found.
func TestTheBrowserSeesWhatIsWrong(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "script-src 'self'")
		body := map[string]string{
			"/good":      `<main><h1>Good</h1></main>`,
			"/image":     `<main><h1>No text</h1><img src="/x.png" width=9 height=9></main>`,
			"/dark":      `<style>@media (prefers-color-scheme: dark) { h1 { color: #222; background: #111 } }</style><main><h1>Too dark</h1></main>`,
			"/wide":      `<main><h1>Wide</h1><div style="width: 900px">x</div></main>`,
			"/inline":    `<main><h1>Inline</h1><script>1</script></main>`,
			"/elsewhere": `<main><h1>Elsewhere</h1><img alt="" src="http://127.0.0.1:9/x.png"></main>`,
			"/headings":  `<main><h1>Headings</h1><h3>Too deep</h3><h2>2. Second</h2><h2>1. First</h2></main>`,
			"/missing":   `<main><h1>Missing</h1><link rel="stylesheet" href="/404"></main>`,
		}[r.URL.Path]
		switch {
		case r.URL.Path == "/x.png" || r.URL.Path == "/favicon.ico":
		case body == "":
			w.WriteHeader(http.StatusNotFound)
		default:
			fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><head><title>T</title><meta name="viewport" content="width=device-width"></head><body>%s</body></html>`, body)
		}
	}))
	defer server.Close()
	b := openBrowser(t, server.URL)
	for path, want := range map[string]string{"/good": "", "/image": "image-alt", "/dark": "color-contrast", "/wide": "the page is 9",
		"/headings": `"Too deep" of level 3 follows "Headings" of level 1`} {
		if status := b.open(path); status != 200 {
			t.Fatalf("%s: %d", path, status)
		}
		found := strings.Join(b.barriers(), "\n")
		if want == "" && found != "" || !strings.Contains(found, want) {
			t.Errorf("%s: found %s", path, found)
		}
		if path == "/headings" && !strings.Contains(found, `"2. Second" comes behind step 0`) {
			t.Errorf("steps that are counted wrongly are not found: %s", found)
		}
	}
	if wrong := b.faults(); len(wrong) > 0 {
		t.Errorf("found %v", wrong)
	}
	for path, want := range map[string]string{"/inline": "Content Security Policy",
		"/elsewhere": "it asked for http://127.0.0.1:9/x.png", "/missing": "was answered with 404"} {
		b.open(path)
		b.sees(strings.ToUpper(path[1:2]) + path[2:])
		if wrong := strings.Join(b.faults(), "\n"); !strings.Contains(wrong, want) {
			t.Errorf("%s: found %s", path, wrong)
		}
	}
}
