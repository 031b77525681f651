"""The explorer's tabs: gradio components and what happens when they are used, one file for each tab."""
