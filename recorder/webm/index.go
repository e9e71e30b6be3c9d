package webm

import (
	"cmp"
	"slices"
	"time"

	"github.com/roomreel/roomreel/recorder/codec"
)

// maxLastFrame bounds how long the last frame of a video track is taken to be
// shown, which would otherwise be the length of any pause before it.
const maxLastFrame = 1000

// Summary says what is in a file.
type Summary struct {
	// Duration is from the start of the file to the end of the block that ends
	// last. A sound block ends when its sound does; the last frame of a picture
	// lasts as long as the one before it, up to a second.
	Duration time.Duration
	// Size is the file's, in bytes.
	Size int64
	// Lost counts the bytes that Repair found damaged or torn and did not keep.
	Lost int64
	// Tracks are those that have blocks, in the order of their first SetTrack.
	Tracks []TrackSummary
}

// TrackSummary says what is in one track of a file.
type TrackSummary struct {
	Track
	// First and Last are when the first and the last block begin.
	First, Last time.Duration
	// Blocks and Bytes count blocks and their payloads.
	Blocks, Bytes int64
	// Keyframes counts the keyframes of a video track.
	Keyframes int64
	// Bumped counts the blocks that came with a time not later than the one before
	// them, and were moved to 1 ms after it. Repair cannot know of them.
	Bumped int64
}

// cue is a place to jump to: a block and the cluster that holds it.
type cue struct {
	time    int64 // ticks
	cluster int64 // file offset of the cluster
	block   int64 // offset of the block in the cluster's data
	track   uint8
}

// trackIndex is what the blocks of one track so far amount to. Times are ticks.
type trackIndex struct {
	Track
	first, last, end  int64
	blocks, bytes     int64
	keyframes, bumped int64
	cued              int64               // file offset of the last cluster with a cue
	intervals         [maxInterval]uint32 // pictures, by how many ticks after the last they came
	young             []placed
	settled           bool // older than MoveWindow
}

// index gathers, block by block, what Finalize and Repair write at the end.
type index struct {
	tracks []trackIndex
	cues   []cue
}

func (ix *index) track(number int) *trackIndex {
	for i := range ix.tracks {
		if ix.tracks[i].Number == number {
			return &ix.tracks[i]
		}
	}
	return nil
}

// set adds a track or replaces its description.
func (ix *index) set(t Track) {
	if known := ix.track(t.Number); known != nil {
		known.Track = t
		return
	}
	ix.tracks = append(ix.tracks, trackIndex{Track: t})
}

// add counts a block at the tick now. cluster and block are where it lies, as
// in cue.
func (ix *index) add(t *trackIndex, now int64, keyframe bool, payload []byte, cluster, block int64) {
	if t.Kind == Video {
		shown := int64(1)
		if t.blocks > 0 {
			shown = min(max(now-t.last, 1), maxLastFrame)
			if shown < maxInterval {
				t.intervals[shown]++
			}
		}
		t.end = now + shown
		if keyframe {
			t.keyframes++
		}
	} else {
		d, _ := codec.OpusDuration(payload)
		t.end = now + max(1, int64((d+time.Millisecond-1)/time.Millisecond))
	}
	if (keyframe || t.Kind == Audio) && t.cued != cluster && now >= 0 {
		t.cued = cluster
		ix.cues = append(ix.cues, cue{now, cluster, block, uint8(t.Number)})
	}
	if t.blocks == 0 {
		t.first = now
	}
	t.last = now
	t.blocks++
	t.bytes += int64(len(payload))
}

// duration is in ticks, and 0 if there is no block.
func (ix *index) duration() int64 {
	var end int64
	for i := range ix.tracks {
		if t := &ix.tracks[i]; t.blocks > 0 {
			end = max(end, t.end, 1)
		}
	}
	return end
}

// used returns the tracks that have blocks. A finished file declares no others:
// players would wait for them, and probe the whole file to learn about them.
func (ix *index) used() []Track {
	var tracks []Track
	for i := range ix.tracks {
		if t := &ix.tracks[i]; t.blocks > 0 {
			tracks = append(tracks, t.Track)
		}
	}
	return tracks
}

// frames returns the frame durations of the tracks that have an even rate.
func (ix *index) frames() map[int]time.Duration {
	frames := map[int]time.Duration{}
	for i := range ix.tracks {
		if d := ix.tracks[i].frameDuration(); d > 0 {
			frames[ix.tracks[i].Number] = d
		}
	}
	return frames
}

// maxInterval bounds, in ticks, what counts for the frame rate: a slower picture
// has none.
const maxInterval = 200

// frameDuration is how long a picture of an even frame rate is shown, or 0 if
// the rate is not even. Gaps do not count: players that guess a rate from times
// get it wrong because of them.
func (t *trackIndex) frameDuration() time.Duration {
	const enough = 30
	var all, below uint64
	for _, n := range t.intervals {
		all += uint64(n)
	}
	if all < enough {
		return 0
	}
	median := 0
	for below <= all/2 {
		below += uint64(t.intervals[median])
		median++
	}
	median--
	var near, sum uint64
	for i := median - 1; i <= median+1; i++ { // rounded to ticks
		if i > 0 && i < maxInterval {
			near += uint64(t.intervals[i])
			sum += uint64(t.intervals[i]) * uint64(i)
		}
	}
	if near*20 < all*19 {
		return 0
	}
	return time.Duration(sum * uint64(timestampScale) / near)
}

// cuesElement returns Cues for a file's keyframes, or, if there is no picture in
// it, for the first sound of each cluster. It is nil if there is nothing to cue.
func (ix *index) cuesElement() []byte {
	kinds := map[uint8]Kind{}
	for i := range ix.tracks {
		kinds[uint8(ix.tracks[i].Number)] = ix.tracks[i].Kind
	}
	want := Audio
	if slices.ContainsFunc(ix.cues, func(c cue) bool { return kinds[c.track] == Video }) {
		want = Video
	}
	cues := slices.DeleteFunc(slices.Clone(ix.cues), func(c cue) bool { return kinds[c.track] != want })
	if len(cues) == 0 {
		return nil
	}
	slices.SortStableFunc(cues, func(a, b cue) int { return cmp.Compare(a.time, b.time) })

	points := make([][]byte, len(cues))
	for i, c := range cues {
		points[i] = element(idCuePoint,
			uintElement(idCueTime, uint64(c.time)),
			element(idCueTrackPositions,
				uintElement(idCueTrack, uint64(c.track)),
				uintElement(idCueClusterPosition, uint64(c.cluster-segmentData)),
				uintElement(idCueRelativePosition, uint64(c.block))))
	}
	return element(idCues, points...)
}

func (ix *index) summary(size int64) Summary {
	s := Summary{Duration: ticks(ix.duration()), Size: size}
	for i := range ix.tracks {
		t := &ix.tracks[i]
		if t.blocks == 0 {
			continue
		}
		s.Tracks = append(s.Tracks, TrackSummary{
			Track:     t.clone(),
			First:     ticks(t.first),
			Last:      ticks(t.last),
			Blocks:    t.blocks,
			Bytes:     t.bytes,
			Keyframes: t.keyframes,
			Bumped:    t.bumped,
		})
	}
	return s
}

func ticks(n int64) time.Duration { return time.Duration(n * timestampScale) }
