package egress

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// names are what the templates of a file's name stand for
// (docs.livekit.io, "Egress outputs", filenames).
type names struct {
	roomName, roomID string
	// Of a track egress, or of the participant whose media is taken.
	identity, trackID, trackSource string
	trackType                      recording.Kind
	at                             time.Time
}

// timeLayout is LiveKit's form of {time}.
const timeLayout = "2006-01-02T150405"

func (n names) replacer() *strings.Replacer {
	utc := n.at.UTC()
	return strings.NewReplacer(
		"{room_name}", n.roomName, "{room_id}", n.roomID,
		"{publisher_identity}", n.identity, "{track_id}", n.trackID,
		"{track_type}", string(n.trackType), "{track_source}", n.trackSource,
		"{time}", n.at.Format(timeLayout), "{utc}", fmt.Sprintf("%s%03d", utc.Format("20060102150405"), utc.UnixMilli()%1000),
	)
}

// stem is what a file is called when no name was asked for.
func (n names) stem() string {
	if n.trackID != "" {
		return n.trackID
	}
	return n.roomName
}

// known are the extensions that are replaced where they do not fit, by LiveKit's
// custom. Any other dot belongs to the name.
var known = []string{".mp4", ".webm", ".mkv", ".ogg", ".mp3", ".m4a", ".ivf", ".ts", ".aac", ".raw"}

// fill returns the name that a file gets: templates filled in, with the extension
// ext. Values that come from outside cannot add folders, nor can any name leave
// the output's folder upwards.
func (n names) fill(template, ext string) string {
	safe := n
	for _, v := range []*string{&safe.roomName, &safe.roomID, &safe.identity, &safe.trackID, &safe.trackSource} {
		*v = strings.Map(func(r rune) rune {
			if r == '/' || r == '\\' || r < ' ' {
				return '_'
			}
			return r
		}, *v)
		if *v == ".." || *v == "." {
			*v = "_"
		}
	}
	name := clean(safe.replacer().Replace(template))
	if name == "" || strings.HasSuffix(name, "/") {
		return name + clean(safe.stem()) + "-" + n.at.Format(timeLayout) + ext
	}
	if old := path.Ext(name); slices.Contains(known, old) {
		name = strings.TrimSuffix(name, old)
	}
	return name + ext
}

// clean makes a path that does not climb above where it begins. A slash at its
// end, which names a folder, stays.
func clean(p string) string {
	folder := strings.HasSuffix(p, "/")
	absolute := strings.HasPrefix(p, "/")
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	if absolute {
		p = "/" + p
	}
	if folder && p != "" && !strings.HasSuffix(p, "/") {
		p += "/"
	}
	return p
}
