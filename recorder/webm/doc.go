// Package webm writes, reads, finalises and repairs the media files of a
// recording: WebM for VP8, VP9, AV1 and Opus, Matroska as soon as a track is
// H.264 or H.265, which WebM forbids. It follows RFC 8794 (EBML), RFC 9559
// (Matroska) and the WebM container guidelines.
//
// # Layout
//
// A file begins with a head of exactly 6 KiB (the EBML header, the Segment's
// own header, SeekHead, Info, Tracks, and Void for what is left), goes on with
// Clusters of SimpleBlocks and ends with Cues. Nothing in the head ever moves:
// what is not known yet is a Void of the right size, so the head can be
// rewritten in place as tracks appear and once more at the end. An unfinished
// file has no Duration (rather than one of zero) and a Segment of unknown size,
// and any player reads it up to where it ends.
//
// # Crashes
//
// A file being written is named path + [OpenSuffix]. Blocks reach the kernel
// whole, several in one write, at least every 250 ms, and the disk every few
// seconds. A cluster is of unknown size while it is open and gets its size when
// it is closed. So a process that is killed loses at most what it had not
// flushed, a machine that loses power at most what had not been synced, and
// [Repair] turns the rest into a finished file. Both [Writer.Finalize] and Repair
// rename the file to its path as their last step: a file without the suffix is
// whole.
//
// # Time
//
// Times count from the start of the file and are kept in ticks of 1 ms, as WebM
// demands. The package never rebases them: where a file lies in a recording is
// its caller's knowledge.
package webm
