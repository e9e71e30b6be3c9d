package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sdkDist is where the browser SDK is built to, seen from this package.
const sdkDist = "../../web/sdk/dist"

// Page is a page with the browser SDK in it.
type Page struct {
	browser *Browser
	name    string
}

// OpenSDK opens a page that has the SDK, in a profile of its own. The error
// wraps [ErrMissing] if the SDK is not built.
func (b *Browser) OpenSDK(ctx context.Context, name string) (*Page, error) {
	dir, err := sourceDir()
	if err != nil {
		return nil, fmt.Errorf("open SDK page: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, sdkDist, "index.js")); err != nil {
		return nil, fmt.Errorf("open SDK page: %w: the SDK is not built; run `make sdk`", ErrMissing)
	}
	name = fmt.Sprintf("%s-%d", name, b.opened.Add(1))
	return &Page{b, name}, b.driver.do(ctx, command{Page: name, Open: b.server.URL + "/sdk.html"}, nil)
}

// Run runs the body of an async function, with what the page's run.js declares,
// and decodes what it returns into value, unless nil. Each with is a parameter,
// found in the array given.
func (p *Page) Run(ctx context.Context, value any, code string, with ...any) error {
	return p.browser.driver.do(ctx, command{Page: p.name, Call: "run", With: []any{code, with}}, value)
}

// Reload loads the page again, in the same tab.
func (p *Page) Reload(ctx context.Context) error {
	return p.browser.driver.do(ctx, command{Page: p.name, Reload: true}, nil)
}

// Close closes the tab.
func (p *Page) Close(ctx context.Context) error {
	return p.browser.driver.do(ctx, command{Page: p.name}, nil)
}

// FreezeNetwork stops Chromium's network process for a while: nothing comes in or
// goes out, of no page, as when a cable is pulled.
func (b *Browser) FreezeNetwork(ctx context.Context, d time.Duration) error {
	pid, err := networkProcess(b.driver.cmd.Process.Pid)
	if err != nil {
		return fmt.Errorf("freeze network: %w", err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze network: %w", err)
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		return fmt.Errorf("unfreeze network: %w", err)
	}
	return ctx.Err()
}

// networkProcess finds Chromium's network service among the processes below one.
func networkProcess(parent int) (int, error) {
	children, _ := filepath.Glob("/proc/" + strconv.Itoa(parent) + "/task/*/children")
	for _, file := range children {
		list, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(list)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				continue
			}
			line, _ := os.ReadFile("/proc/" + field + "/cmdline")
			if strings.Contains(string(line), "network.mojom.NetworkService") {
				return pid, nil
			}
			if found, err := networkProcess(pid); err == nil {
				return found, nil
			}
		}
	}
	return 0, fmt.Errorf("%w: Chromium's network process", ErrMissing)
}
