// Package browser holds real Chromium participants for tests: LiveKit's own JavaScript client, in a
// headless browser that a test commands step by step.
//
// A participant publishes either Chromium's fake camera and microphone, or a picture and a sound that
// flash and beep on every whole second of the clock, which [meeting.Measure] finds again in what was
// recorded of it.
package browser
