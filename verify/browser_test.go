package verify

import (
	"bytes"
	"context"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser finds a Chromium that runs without a screen. Where QUERN_REQUIRE_BROWSER is set, there has to be one.
func browser(t *testing.T) string {
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("QUERN_REQUIRE_BROWSER") != "" {
		t.Fatal("no chromium found")
	}
	t.Skip("no chromium found")
	return ""
}

// TestPageInBrowser opens the page as a phone and as a desktop would, and prints it: it asks for nothing but itself, no
// error is logged, and something is drawn.
func TestPageInBrowser(t *testing.T) {
	program := browser(t)
	b, err := summary(t).HTML()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.Path)
		mu.Unlock()
		_, _ = w.Write(b)
	}))
	defer server.Close()
	dir := t.TempDir()
	start := func(args ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, append([]string{"--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--disable-background-networking",
			"--enable-logging=stderr", "--user-data-dir=" + dir}, args...)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, errs.String())
		}
		for _, line := range strings.Split(errs.String(), "\n") {
			if strings.Contains(line, "CONSOLE") {
				t.Errorf("the browser says: %s", line)
			}
		}
		return string(out)
	}
	dom := start("--dump-dom", server.URL+"/")
	for _, want := range []string{"Perplexity by size", "Where the loss comes from", "</svg>", "alert("} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page as the browser has it lacks %q", want)
		}
	}
	for _, size := range []string{"390,1600", "1280,1600"} {
		shot := filepath.Join(dir, size+".png")
		start("--window-size="+size, "--screenshot="+shot, server.URL+"/")
		n, margin := shades(t, shot)
		if n < 40 {
			t.Errorf("at %s the page has %d colours: nothing is drawn", size, n)
		}
		if margin != 1 {
			t.Errorf("at %s something reaches the right edge: the page is wider than the screen", size)
		}
	}
	pdf := filepath.Join(dir, "page.pdf")
	start("--print-to-pdf="+pdf, server.URL+"/")
	if info, err := os.Stat(pdf); err != nil || info.Size() < 10_000 {
		t.Errorf("printing gives no pages: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, path := range asked {
		if path != "/" && path != "/favicon.ico" { // the browser's own wish
			t.Errorf("the page asked for %s", path)
		}
	}
}

// shades counts the colours of a picture, and those of its right margin.
func shades(t *testing.T, name string) (all, margin int) {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	seen, edge := map[color.Color]bool{}, map[color.Color]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 2 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y))
			seen[c] = true
			if x >= img.Bounds().Max.X-8 {
				edge[c] = true
			}
		}
	}
	return len(seen), len(edge)
}
