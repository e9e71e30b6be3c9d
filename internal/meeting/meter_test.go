package meeting

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ffmpeg makes a file, independently of how this package makes its media.
func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-y"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// flashing is a picture whose right quarter flashes at 0.5 s, 1.5 s …, plus shift.
func flashing(shift float64, seconds int) string {
	return fmt.Sprintf("testsrc2=s=320x180:r=30:d=%d,drawbox=x=iw*3/4:w=iw/4:h=ih:t=fill:color=black,"+
		"drawbox=x=iw*3/4:w=iw/4:h=ih:t=fill:color=white:enable='lt(mod(t+0.5001-%f,1),0.1)'", seconds, shift)
}

// beeping is a sound that beeps at 0.5 s, 1.5 s …, plus shift.
func beeping(tone, shift float64, seconds int) string {
	return fmt.Sprintf("aevalsrc='0.2*sin(2*PI*%f*t)*lt(mod(t+0.5-%f,1),0.1)':s=48000:d=%d", tone, shift, seconds)
}

func near(t *testing.T, what string, got []time.Duration, first float64, count int, tolerance time.Duration) {
	t.Helper()
	if len(got) != count {
		t.Errorf("%s: %d found, want %d: %v", what, len(got), count, got)
		return
	}
	for i, at := range got {
		want := time.Duration(first*float64(time.Second)) + time.Duration(i)*time.Second
		if (at - want).Abs() > tolerance {
			t.Errorf("%s %d at %v, want %v", what, i, at, want)
		}
	}
}

func TestMeasureKnownOffsets(t *testing.T) {
	// ffmpeg 5.1 writes the delay of the Opus encoder into WebM, but does not move the blocks by it,
	// which makes sound 6.5 ms early: that is the truth about the file, and has to be found.
	early := map[string]float64{"webm": 0.0065}
	offsets := map[string][]float64{"webm": {0, 0.040, -0.120}, "mp4": {0, 0.040}, "mkv": {-0.120}}
	codecs := map[string][]string{
		"webm": {"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"},
		"mp4":  {"-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"},
		"mkv":  {"-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le"},
	}
	for format, codec := range codecs {
		for _, beepShift := range offsets[format] {
			t.Run(fmt.Sprintf("%s %+.0fms", format, beepShift*1000), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "known."+format)
				// Everything begins at 1 s: ffmpeg's muxers move a picture, not the sound, to make room
				// for the Opus encoder's delay ahead of zero.
				ffmpeg(t, append(append([]string{
					"-itsoffset", "1", "-f", "lavfi", "-i", flashing(0, 4),
					"-itsoffset", "1", "-f", "lavfi", "-i", beeping(659, beepShift, 4), "-copyts",
				}, codec...), file)...)
				got, err := Measure(t.Context(), file, Probe{WholePicture, 659}, Probe{WholePicture, 784})
				if err != nil {
					t.Fatal(err)
				}
				near(t, "flash", got[0].Flashes, 1.5, 4, 2*time.Millisecond)
				near(t, "beep", got[0].Beeps, 1.5+beepShift-early[format], 4, 2*time.Millisecond)
				if got[1].Beeps != nil {
					t.Errorf("beeps on a pitch that is not there: %v", got[1].Beeps)
				}
				skews := Skews(got[0].Flashes, got[0].Beeps)
				want := time.Duration((beepShift - early[format]) * float64(time.Second))
				if worst := Worst(skews); len(skews) != 4 || (worst.By-want).Abs() > 2*time.Millisecond {
					t.Errorf("skews %v, want four of %v", skews, want)
				}
			})
		}
	}
}

func TestMeasureTracksThatBeginLate(t *testing.T) {
	for _, late := range []struct{ video, audio float64 }{{0, 0.7}, {1.3, 0}, {20, 20.25}} {
		file := filepath.Join(t.TempDir(), "late.mkv")
		ffmpeg(t, "-itsoffset", fmt.Sprint(late.video), "-f", "lavfi", "-i", flashing(0, 3),
			"-itsoffset", fmt.Sprint(late.audio), "-f", "lavfi", "-i", beeping(523, 0, 3),
			"-map", "0:v", "-map", "1:a", "-copyts", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "pcm_s16le", file)
		got, err := Measure(t.Context(), file, Probe{WholePicture, 523})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "flash", got[0].Flashes, late.video+0.5, 3, 2*time.Millisecond)
		near(t, "beep", got[0].Beeps, late.audio+0.5, 3, 3*time.Millisecond)
	}
}

// A hole in the sound is silence: what comes after it stays where it is.
func TestMeasureHole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hole.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", beeping(523, 0, 5)+",asetnsamples=960,aselect='not(between(t,1.2,2.8))'", "-c:a", "pcm_s16le", file)
	got, err := Measure(t.Context(), file, Probe{WholePicture, 523})
	if err != nil {
		t.Fatal(err)
	}
	if len(got[0].Beeps) != 3 || got[0].Flashes != nil {
		t.Fatalf("got %+v, want three beeps and no flashes", got[0])
	}
	near(t, "beep before", got[0].Beeps[:1], 0.5, 1, 3*time.Millisecond)
	near(t, "beep after", got[0].Beeps[1:], 3.5, 2, 3*time.Millisecond)
}

// In a film the voices are mixed and the pictures lie in a grid; one participant is 80 ms behind.
func TestMeasureFilm(t *testing.T) {
	file := filepath.Join(t.TempDir(), "film.mp4")
	shifts := []float64{0, 0.080, 0.010}
	var args []string
	for i, shift := range shifts {
		args = append(args, "-f", "lavfi", "-i", flashing(shift, 4), "-f", "lavfi", "-i", beeping(Tone(i), shift, 4))
	}
	ffmpeg(t, append(args, "-filter_complex",
		"[0:v][2:v][4:v]xstack=inputs=3:layout=0_0|w0_0|0_h0:fill=white[v];[1:a][3:a][5:a]amix=inputs=3:normalize=0[a]",
		"-map", "[v]", "-map", "[a]", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", file)...)
	got, err := Measure(t.Context(), file,
		Probe{Tile{0, 0, 0.5, 0.5}, Tone(0)}, Probe{Tile{0.5, 0, 0.5, 0.5}, Tone(1)}, Probe{Tile{0, 0.5, 0.5, 0.5}, Tone(2)},
		Probe{Tile{0.5, 0.5, 0.5, 0.5}, Tone(3)})
	if err != nil {
		t.Fatal(err)
	}
	for i, shift := range shifts {
		near(t, fmt.Sprintf("voice %d", i), got[i].Beeps, 0.5+shift, 4, 4*time.Millisecond)
		near(t, fmt.Sprintf("picture %d", i), got[i].Flashes, 0.5+shift, 4, 34*time.Millisecond)
	}
	if got[3].Flashes != nil || got[3].Beeps != nil {
		t.Errorf("someone in the empty white tile: %+v", got[3])
	}
	if between := Worst(Skews(got[0].Beeps, got[1].Beeps)).By; (between - 80*time.Millisecond).Abs() > 4*time.Millisecond {
		t.Errorf("the second voice is %v behind the first, want 80ms", between)
	}
}

func TestMeasureDamage(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "whole.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", flashing(0, 2), "-f", "lavfi", "-i", beeping(523, 0, 2), "-c:v", "libx264", "-g", "10", "-c:a", "aac", "-movflags", "faststart", file)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	torn := append(append([]byte{}, whole[:len(whole)/2]...), make([]byte, 20_000)...)
	for name, content := range map[string][]byte{"empty": {}, "noise": []byte("not a film"), "torn": torn} {
		path := filepath.Join(dir, name+".mp4")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Measure(t.Context(), path, Probe{WholePicture, 523}); !errors.Is(err, ErrDecode) {
			t.Errorf("%s: %+v, %v; want ErrDecode", name, got, err)
		}
	}
}
