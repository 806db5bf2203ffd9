__all__ = ['ttypes', 'constants', 'ImageServer', 'ComputeNode']
