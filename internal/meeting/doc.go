// Package meeting holds LiveKit meetings whose truth is known in advance: participants that publish
// a picture and a sound of their own over real WebRTC, what such a participant sees of its room, and
// a meter that finds in a file what was published, to the millisecond.
//
// Everything published hangs on one clock, the epoch. On every whole second after it each
// participant flashes a white box for three frames and beeps for 100 ms on a pitch of its own, so that any
// recording can be checked for skew between sound and picture, and between people.
package meeting
