"""Which activities does the model prefer, and do their categories differ (V7)?"""
