"""Do the emotions that an activity evokes go with how much the model prefers it (V8, V9)?"""
