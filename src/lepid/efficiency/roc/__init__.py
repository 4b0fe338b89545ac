"""Cuts, rejections and ROC curves of scored leptons."""
