"widget.css"
