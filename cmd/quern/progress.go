package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
)

// progress reports a long task: a bar with rate and time left on a terminal, a plain line now and then elsewhere.
// Nothing is shown for a task that ends within two seconds.
type progress struct {
	ui    *ui
	name  string
	unit  string // "B" for bytes
	at    string // what is being worked on, for the end of a line; "" for nothing
	mu    sync.Mutex
	began time.Time
	last  time.Time // of the last line
	bar   *progressbar.ProgressBar
}

const (
	progressAfter = 2 * time.Second
	progressEvery = 10 * time.Second
)

func (u *ui) progress(name, unit string) *progress {
	now := time.Now()
	return &progress{ui: u, name: name, unit: unit, began: now, last: now}
}

// set tells how far the task is.
func (p *progress) set(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.began) < progressAfter {
		return
	}
	if p.ui.tty {
		if p.bar == nil {
			p.bar = p.newBar(total)
		}
		_ = p.bar.Set64(done) // drawing only
		return
	}
	if now.Sub(p.last) < progressEvery && done < total {
		return
	}
	p.last = now
	p.line(done, total, now.Sub(p.began))
}

// setAt is set for tasks with parts that take long.
func (p *progress) setAt(done, total int, at string) {
	p.mu.Lock()
	p.at = at
	if p.bar != nil {
		p.bar.Describe(p.name + ": " + at)
	}
	p.mu.Unlock()
	p.set(int64(done), int64(total))
}

// setInt is set for tasks that count small things.
func (p *progress) setInt(done, total int) { p.set(int64(done), int64(total)) }

// done ends the task: the bar goes, the line of the result follows.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}

func (p *progress) newBar(total int64) *progressbar.ProgressBar {
	opts := []progressbar.Option{
		progressbar.OptionSetWriter(p.ui.err), progressbar.OptionSetDescription(p.name), progressbar.OptionSetPredictTime(true),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(true),
	}
	if p.unit == "B" {
		opts = append(opts, progressbar.OptionShowBytes(true))
	} else {
		opts = append(opts, progressbar.OptionShowIts(), progressbar.OptionSetItsString(p.unit))
	}
	return progressbar.NewOptions64(total, opts...)
}

func (p *progress) line(done, total int64, spent time.Duration) {
	rate := float64(done) / spent.Seconds()
	left := "?"
	if rate > 0 {
		left = time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	amount := fmt.Sprintf("%d of %d %s, %.1f %s/s", done, total, p.unit, rate, p.unit)
	if p.unit == "B" {
		amount = fmt.Sprintf("%s of %s, %s/s", bytes(done), bytes(total), humanize.Bytes(uint64(rate)))
	}
	at := ""
	if p.at != "" {
		at = ": " + p.at
	}
	p.ui.note("%s: %d %%, %s, %s left%s", p.name, 100*done/max(1, total), amount, left, at)
}
