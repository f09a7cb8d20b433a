"""U-Net segmentation for biomedical images from a handful of annotated examples."""
