package movie

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func ffmpeg(t testing.TB, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"-v", "error"}, args...)...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil || said.Len() > 0 {
		t.Fatalf("%s %q: %v: %s", program, args, err, said.Bytes())
	}
	return out.String()
}

// delay is that of ffmpeg's AAC encoder.
const delay = 1024

// encode makes the pieces and the sound of a film, in so many channels: as many seconds each, at 30
// frames a second.
func encode(t testing.TB, channels string, encoder []string, seconds ...int) Film {
	t.Helper()
	dir := t.TempDir()
	var film Film
	begin := 0
	for i, s := range seconds {
		p := Piece{File: filepath.Join(dir, fmt.Sprintf("piece%d.mp4", i)), Length: time.Duration(s) * time.Second}
		args := []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=320x180:r=30:d=%d,trim=start=%d,setpts=PTS-STARTPTS", begin+s, begin), "-pix_fmt", "yuv420p", "-c:v", "libx264"}
		ffmpeg(t, "ffmpeg", append(append(args, encoder...), "-video_track_timescale", "90000", p.File)...)
		film.Pieces = append(film.Pieces, p)
		film.Chapters = append(film.Chapters, Chapter{At: film.Duration, Title: fmt.Sprintf("陈伟 & Ann's \"%d\"", i)})
		film.Duration += p.Length
		begin += s
	}
	film.Sound = Sound{File: filepath.Join(dir, "sound.aac"), Delay: delay}
	ffmpeg(t, "ffmpeg", "-f", "lavfi", "-i", fmt.Sprintf("sine=f=440:r=48000:d=%d", begin), "-ac", channels, "-c:a", "aac", film.Sound.File)
	return film
}

// The film is, to who plays it, what ffmpeg makes of the same pieces: every frame
// and every sample at its time. (ffmpeg writes H.264's parameter sets into the
// stream as well.)
func TestWrite(t *testing.T) {
	for name, c := range map[string]struct {
		channels string
		encoder  []string
		seconds  []int
	}{
		"one piece": {"2", []string{"-preset", "ultrafast"}, []int{2}},
		"pieces":    {"1", []string{"-preset", "superfast", "-bf", "0", "-g", "20"}, []int{3, 1, 2}},
		"lossless":  {"2", []string{"-preset", "ultrafast", "-qp", "0"}, []int{1, 1}},
		"B-frames":  {"1", []string{"-preset", "veryfast", "-bf", "3"}, []int{2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			film := encode(t, c.channels, c.encoder, c.seconds...)
			path := filepath.Join(t.TempDir(), "film.mp4")
			if err := Write(t.Context(), path, film); err != nil {
				t.Fatal(err)
			}
			theirs := join(t, film)
			if diff := cmp.Diff(ffmpeg(t, "ffprobe", "-show_chapters", "-of", "compact", theirs), ffmpeg(t, "ffprobe", "-show_chapters", "-of", "compact", path)); diff != "" {
				t.Errorf("chapters, - by ffmpeg, + by us: %s", diff)
			}
			for _, show := range [][]string{
				{"-select_streams", "v", "-show_entries", "packet=pts,dts,duration,flags"},
				{"-select_streams", "v", "-show_entries", "frame=pkt_pts,best_effort_timestamp,key_frame,pict_type"},
				{"-select_streams", "v", "-show_entries", "stream=codec_name,profile,width,height,time_base,r_frame_rate,nb_frames,start_pts,duration_ts,color_space"},
				{"-select_streams", "a", "-show_entries", "stream=codec_name,profile,sample_rate,channels,time_base,start_pts"},
			} {
				look := func(file string) string { return ffmpeg(t, "ffprobe", append(show, "-of", "compact", file)...) }
				if diff := cmp.Diff(look(theirs), look(path)); diff != "" {
					t.Errorf("%q, - by ffmpeg, + by us: %s", show, diff)
				}
			}
			frames := func(file string) string { return ffmpeg(t, "ffmpeg", "-i", file, "-map", "0:v", "-f", "framemd5", "-") }
			if diff := cmp.Diff(frames(theirs), frames(path)); diff != "" {
				t.Error(diff)
			}
			sound := func(file string) string { return ffmpeg(t, "ffmpeg", "-i", file, "-map", "0:a", "-f", "s16le", "-") }
			if ours, theirs := sound(path), sound(theirs); ours != theirs {
				t.Errorf("the sound has %d bytes, as ffmpeg joins it %d, or differs", len(ours), len(theirs))
			}
		})
	}
}

// A piece of one or two pictures has none that are shown in another order, unlike
// those around it. Every picture has its time all the same.
func TestShortPieces(t *testing.T) {
	lengths := []int{1, 40, 2, 1, 35, 1}
	dir := t.TempDir()
	film := Film{Sound: encode(t, "1", []string{"-preset", "ultrafast"}, 3).Sound}
	var want []string
	pictures := func(file string, more ...string) []string {
		md5 := ffmpeg(t, "ffmpeg", append(append([]string{"-i", file, "-map", "0:v"}, more...), "-f", "framemd5", "-")...)
		return regexp.MustCompile(`[0-9a-f]{32}`).FindAllString(md5, -1)
	}
	total := 0
	for i, n := range lengths {
		file := filepath.Join(dir, fmt.Sprintf("piece%d.mp4", i))
		ffmpeg(t, "ffmpeg", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=320x180:r=30,trim=start_frame=%d,setpts=PTS-STARTPTS", total), "-frames:v", fmt.Sprint(n),
			"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "faster", "-bf", "3", "-video_track_timescale", "90000", file)
		begin := time.Duration(total) * time.Second / 30
		total += n
		film.Pieces = append(film.Pieces, Piece{File: file, Length: time.Duration(total)*time.Second/30 - begin})
		want = append(want, pictures(file)...)
	}
	film.Duration = time.Duration(total) * time.Second / 30
	path := filepath.Join(t.TempDir(), "film.mp4")
	if err := Write(t.Context(), path, film); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, pictures(path, "-vsync", "passthrough")); diff != "" {
		t.Errorf("pictures (-pieces +film): %s", diff)
	}
	var times []string
	for n := range total {
		times = append(times, fmt.Sprint(n*3000))
	}
	got := regexp.MustCompile(`\d+`).FindAllString(ffmpeg(t, "ffprobe", "-select_streams", "v", "-show_entries", "frame=pts", "-of", "csv=p=0", path), -1)
	if diff := cmp.Diff(times, got); diff != "" {
		t.Errorf("times (-want +got): %s", diff)
	}
}

func join(t *testing.T, film Film) string {
	t.Helper()
	dir := t.TempDir()
	list, out := filepath.Join(dir, "list"), filepath.Join(dir, "film.mp4")
	script := "ffconcat version 1.0\n"
	for _, p := range film.Pieces {
		script += fmt.Sprintf("file '%s'\nduration %f\n", p.File, p.Length.Seconds())
	}
	chapters := ";FFMETADATA1\n"
	for i, c := range film.Chapters {
		end := film.Duration
		if i+1 < len(film.Chapters) {
			end = film.Chapters[i+1].At
		}
		chapters += fmt.Sprintf("[CHAPTER]\nTIMEBASE=1/1000\nSTART=%d\nEND=%d\ntitle=%s\n", c.At.Milliseconds(), end.Milliseconds(), c.Title)
	}
	for file, text := range map[string]string{list: script, list + ".chapters": chapters} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ffmpeg(t, "ffmpeg", "-f", "concat", "-safe", "0", "-i", list, "-itsoffset", fmt.Sprintf("%.9f", -float64(delay)/soundScale), "-i", film.Sound.File,
		"-i", list+".chapters", "-map_chapters", "2", "-map", "0:v", "-map", "1:a", "-c", "copy", "-movflags", "+faststart", out)
	return out
}

// The index comes first, and picture and sound of the same second lie together.
func TestPlayersNeedNotJump(t *testing.T) {
	film := encode(t, "2", []string{"-preset", "ultrafast"}, 20, 10)
	path := filepath.Join(t.TempDir(), "film.mp4")
	if err := Write(t.Context(), path, film); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if index, media := bytes.Index(b, []byte("moov")), bytes.Index(b, []byte("mdat")); index < 0 || index > media {
		t.Errorf("the index is at %d, the media at %d", index, media)
	}
	last := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^packet\|codec_type=(\w+)\|dts_time=([-0-9.]+)\|pos=(\d+)$`).FindAllStringSubmatch(
		ffmpeg(t, "ffprobe", "-show_entries", "packet=codec_type,dts_time,pos", "-of", "compact", path), -1) {
		var at float64
		if _, err := fmt.Sscan(m[2], &at); err != nil {
			t.Fatal(err)
		}
		last[m[1]] = at
		if video, audio := last["video"], last["audio"]; len(last) == 2 && max(video-audio, audio-video) > 2.1 {
			t.Fatalf("at position %s the picture is at %v s, the sound at %v s", m[3], video, audio)
		}
	}
	if len(last) != 2 {
		t.Fatalf("there are packets of %v", last)
	}
}

// What is torn or something else makes an error, wherever it is cut.
func TestWriteRefuses(t *testing.T) {
	good := encode(t, "2", []string{"-preset", "ultrafast"}, 1, 1)
	other := encode(t, "2", []string{"-preset", "ultrafast", "-s", "160x90"}, 1)
	mono := encode(t, "1", []string{"-preset", "ultrafast"}, 1).Sound.File
	follow := func(files ...string) string {
		out := filepath.Join(t.TempDir(), "sound.aac")
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
			if err == nil {
				_, err = f.Write(b)
			}
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	cut := func(file string, size int) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), filepath.Base(file))
		if err := os.WriteFile(out, b[:max(0, len(b)+size)], 0o644); err != nil {
			t.Fatal(err)
		}
		return out
	}
	second := func(file string) Film {
		f := good
		f.Pieces = []Piece{good.Pieces[0], {File: file, Length: time.Second}}
		return f
	}
	for name, film := range map[string]Film{
		"nothing":         {Sound: good.Sound},
		"an empty piece":  second(cut(good.Pieces[1].File, -1<<30)),
		"a torn piece":    second(cut(good.Pieces[1].File, -1)),
		"half a piece":    second(cut(good.Pieces[1].File, -500)),
		"sound as piece":  second(good.Sound.File),
		"another size":    second(other.Pieces[0].File),
		"too long":        {Pieces: []Piece{{File: good.Pieces[0].File, Length: time.Second / 2}}, Sound: good.Sound},
		"torn sound":      {Pieces: good.Pieces, Sound: Sound{File: cut(good.Sound.File, -1)}},
		"mono, then not":  {Pieces: good.Pieces, Sound: Sound{File: follow(mono, good.Sound.File)}},
		"piece as sound":  {Pieces: good.Pieces, Sound: Sound{File: good.Pieces[0].File}},
		"film with sound": second(join(t, good)),
		"late chapter":    {Pieces: good.Pieces, Sound: good.Sound, Duration: good.Duration, Chapters: []Chapter{{At: time.Second}}},
		"same chapters":   {Pieces: good.Pieces, Sound: good.Sound, Duration: good.Duration, Chapters: make([]Chapter, 2)},
		"many chapters":   {Pieces: good.Pieces, Sound: good.Sound, Duration: good.Duration, Chapters: make([]Chapter, 256)},
	} {
		if err := Write(t.Context(), filepath.Join(t.TempDir(), "film.mp4"), film); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Write(t.Context(), filepath.Join(t.TempDir(), "film.mp4"), second("missing.mp4")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing piece: %v", err)
	}
}

// Nothing that a piece or the sound may hold is trusted.
func FuzzWrite(f *testing.F) {
	film := encode(f, "2", []string{"-preset", "ultrafast", "-s", "16x16", "-g", "5", "-bf", "1"}, 1)
	piece, err := os.ReadFile(film.Pieces[0].File)
	if err != nil {
		f.Fatal(err)
	}
	sound, err := os.ReadFile(film.Sound.File)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(piece, sound[:200])
	f.Add(piece[len(piece)-800:], sound[:20])
	dir := f.TempDir() // one for all: some file systems are slow with new files
	f.Fuzz(func(t *testing.T, piece, sound []byte) {
		film := Film{Pieces: []Piece{{File: filepath.Join(dir, "p"), Length: time.Second}}, Sound: Sound{File: filepath.Join(dir, "s")}, Duration: time.Second}
		for file, b := range map[string][]byte{film.Pieces[0].File: piece, film.Sound.File: sound} {
			if err := os.WriteFile(file, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := Write(t.Context(), filepath.Join(dir, "film.mp4"), film); err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
	})
}
