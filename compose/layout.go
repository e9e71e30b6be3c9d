package compose

// Box is a rectangle on the canvas, in pixels from the upper left corner. All
// four numbers are even, because chroma is subsampled.
type Box struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// layout gives every seat its box on a canvas. Seats arrive in the order in
// which they should be read; a seat beyond the end of the result stays hidden.
type layout func(width, height int, seats []*seat) []Box

var layouts = map[string]layout{"grid": grid}

// gridMost is how many tiles the grid shows at once; who comes later is heard only.
const gridMost = 49

// grid places all seats alike: tiles of 16:9, as large as the canvas allows,
// the block centred, and its last row too. One seat alone fills the canvas.
func grid(width, height int, seats []*seat) []Box {
	n := min(len(seats), gridMost)
	switch n {
	case 0:
		return nil
	case 1:
		return []Box{{Width: width, Height: height}}
	}
	gutter := even(max(4, height/90))
	var cols, rows, w, h int
	for c := 1; c <= n; c++ {
		r := (n + c - 1) / c
		tw, th := fit((width-gutter*(c+1))/c, (height-gutter*(r+1))/r)
		if tw*th > w*h {
			cols, rows, w, h = c, r, tw, th
		}
	}
	top := (height - rows*h - (rows-1)*gutter) / 2
	boxes := make([]Box, n)
	for i := range boxes {
		row := i / cols
		inRow := min(cols, n-row*cols)
		left := (width - inRow*w - (inRow-1)*gutter) / 2
		boxes[i] = Box{
			X: even(left + (i%cols)*(w+gutter)), Y: even(top + row*(h+gutter)),
			Width: w, Height: h,
		}
	}
	return boxes
}

// fit returns the largest even 16:9 size within w×h.
func fit(w, h int) (int, int) {
	if w*9 > h*16 {
		w = h * 16 / 9
	} else {
		h = w * 9 / 16
	}
	return max(2, even(w)), max(2, even(h))
}

func even(v int) int { return v &^ 1 }
