// Package browsertest looks at the status page with a real browser: Debian's chromium, without a
// window.
//
//	make browser                                # the tests
//	make browser SCREENSHOTS=docs/statuspage    # and pictures of the page, in both themes
//
// It is a module of its own, so that nobody who uses the service has the browser's driver among the
// modules that they depend on.
package browsertest
