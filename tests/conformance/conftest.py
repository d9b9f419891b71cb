"""Keras's case is of use beside Keras only, on the backend that test_keras.py asks for."""

collect_ignore = ["keras_case.py"]
