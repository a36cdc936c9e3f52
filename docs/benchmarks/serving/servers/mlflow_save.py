"""Saves the model in MLflow's onnx flavour: python mlflow_save.py MODEL FOLDER."""

import sys

import mlflow.onnx
import onnx

options = {"graph_optimization_level": 99, "intra_op_num_threads": 1, "inter_op_num_threads": 1}
mlflow.onnx.save_model(onnx.load(sys.argv[1]), sys.argv[2], onnx_session_options=options, pip_requirements=[])
