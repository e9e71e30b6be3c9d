package recording

import "path/filepath"

// PeaksPerSecond is how many levels of loudness are kept for a second of sound.
const PeaksPerSecond = 10

// PreviewsDir is the folder of peaks and thumbnails of the recording in dir.
// Everything in it can be made again from the parts.
func PreviewsDir(dir string) string { return filepath.Join(dir, "previews") }
