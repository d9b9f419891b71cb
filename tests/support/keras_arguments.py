"""The arguments of Keras 3.15 that may be given by position, in order; read by tests/test_arguments.py."""

POSITIONAL: dict[str, str] = {
    "layers.Activation": "activation",
    "layers.ActivityRegularization": "l1 l2",
    "layers.AdaptiveAveragePooling1D": "output_size data_format",
    "layers.AdaptiveAveragePooling2D": "output_size data_format",
    "layers.AdaptiveAveragePooling3D": "output_size data_format",
    "layers.AdaptiveMaxPooling1D": "output_size data_format",
    "layers.AdaptiveMaxPooling2D": "output_size data_format",
    "layers.AdaptiveMaxPooling3D": "output_size data_format",
    "layers.Add": "",
    "layers.AlphaDropout": "rate noise_shape seed",
    "layers.Average": "",
    "layers.AveragePooling1D": "pool_size strides padding data_format name",
    "layers.AveragePooling2D": "pool_size strides padding data_format name",
    "layers.AveragePooling3D": "pool_size strides padding data_format name",
    "layers.BatchNormalization": (
        "axis momentum epsilon center scale beta_initializer gamma_initializer moving_mean_initializer "
        "moving_variance_initializer beta_regularizer gamma_regularizer beta_constraint gamma_constraint "
        "renorm renorm_clipping renorm_momentum synchronized"
    ),
    "layers.CategoryEncoding": "num_tokens output_mode sparse",
    "layers.CenterCrop": "height width data_format",
    "layers.Concatenate": "axis",
    "layers.Conv1D": (
        "filters kernel_size strides padding data_format dilation_rate groups activation use_bias "
        "kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer "
        "kernel_constraint bias_constraint"
    ),
    "layers.Conv1DTranspose": (
        "filters kernel_size strides padding output_padding data_format dilation_rate activation use_bias "
        "kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer "
        "kernel_constraint bias_constraint"
    ),
    "layers.Conv2D": (
        "filters kernel_size strides padding data_format dilation_rate groups activation use_bias "
        "kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer "
        "kernel_constraint bias_constraint"
    ),
    "layers.Conv2DTranspose": (
        "filters kernel_size strides padding output_padding data_format dilation_rate activation use_bias "
        "kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer "
        "kernel_constraint bias_constraint"
    ),
    "layers.Conv3D": (
        "filters kernel_size strides padding data_format dilation_rate groups activation use_bias "
        "kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer "
        "kernel_constraint bias_constraint"
    ),
    "layers.Conv3DTranspose": (
        "filters kernel_size strides padding data_format output_padding dilation_rate activation use_bias "
        "kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer "
        "kernel_constraint bias_constraint"
    ),
    "layers.Cropping1D": "cropping",
    "layers.Cropping2D": "cropping data_format",
    "layers.Cropping3D": "cropping data_format",
    "layers.Dense": (
        "units activation use_bias kernel_initializer bias_initializer kernel_regularizer "
        "bias_regularizer activity_regularizer kernel_constraint bias_constraint lora_rank lora_alpha "
        "quantization_config"
    ),
    "layers.DepthwiseConv1D": (
        "kernel_size strides padding depth_multiplier data_format dilation_rate activation use_bias "
        "depthwise_initializer bias_initializer depthwise_regularizer bias_regularizer "
        "activity_regularizer depthwise_constraint bias_constraint"
    ),
    "layers.DepthwiseConv2D": (
        "kernel_size strides padding depth_multiplier data_format dilation_rate activation use_bias "
        "depthwise_initializer bias_initializer depthwise_regularizer bias_regularizer "
        "activity_regularizer depthwise_constraint bias_constraint"
    ),
    "layers.Discretization": "bin_boundaries num_bins epsilon output_mode sparse dtype name",
    "layers.Dot": "axes normalize",
    "layers.Dropout": "rate noise_shape seed",
    "layers.ELU": "alpha",
    "layers.Embedding": (
        "input_dim output_dim embeddings_initializer embeddings_regularizer embeddings_constraint mask_zero "
        "weights lora_rank lora_alpha quantization_config"
    ),
    "layers.Flatten": "data_format",
    "layers.GaussianDropout": "rate seed",
    "layers.GaussianNoise": "stddev seed",
    "layers.GlobalAveragePooling1D": "data_format keepdims",
    "layers.GlobalAveragePooling2D": "data_format keepdims",
    "layers.GlobalAveragePooling3D": "data_format keepdims",
    "layers.GlobalMaxPooling1D": "data_format keepdims",
    "layers.GlobalMaxPooling2D": "data_format keepdims",
    "layers.GlobalMaxPooling3D": "data_format keepdims",
    "layers.GroupNormalization": (
        "groups axis epsilon center scale beta_initializer gamma_initializer beta_regularizer "
        "gamma_regularizer beta_constraint gamma_constraint"
    ),
    "layers.Identity": "",
    "layers.Input": "shape batch_size dtype sparse ragged batch_shape name tensor optional",
    "layers.InputLayer": "shape batch_size dtype sparse ragged batch_shape input_tensor optional name",
    "layers.LayerNormalization": (
        "axis epsilon center scale beta_initializer gamma_initializer beta_regularizer gamma_regularizer "
        "beta_constraint gamma_constraint"
    ),
    "layers.LeakyReLU": "negative_slope",
    "layers.MaxPooling1D": "pool_size strides padding data_format name",
    "layers.MaxPooling2D": "pool_size strides padding data_format name",
    "layers.MaxPooling3D": "pool_size strides padding data_format name",
    "layers.Maximum": "",
    "layers.Minimum": "",
    "layers.Multiply": "",
    "layers.Normalization": "axis mean variance invert",
    "layers.PReLU": "alpha_initializer alpha_regularizer alpha_constraint shared_axes",
    "layers.Permute": "dims",
    "layers.RMSNormalization": "axis epsilon",
    "layers.RandomBrightness": "factor value_range seed data_format",
    "layers.RandomContrast": "factor value_range seed data_format",
    "layers.ReLU": "max_value negative_slope threshold",
    "layers.RepeatVector": "n",
    "layers.Rescaling": "scale offset",
    "layers.Reshape": "target_shape",
    "layers.SeparableConv1D": (
        "filters kernel_size strides padding data_format dilation_rate depth_multiplier activation "
        "use_bias depthwise_initializer pointwise_initializer bias_initializer depthwise_regularizer "
        "pointwise_regularizer bias_regularizer activity_regularizer depthwise_constraint "
        "pointwise_constraint bias_constraint"
    ),
    "layers.SeparableConv2D": (
        "filters kernel_size strides padding data_format dilation_rate depth_multiplier activation "
        "use_bias depthwise_initializer pointwise_initializer bias_initializer depthwise_regularizer "
        "pointwise_regularizer bias_regularizer activity_regularizer depthwise_constraint "
        "pointwise_constraint bias_constraint"
    ),
    "layers.Softmax": "axis",
    "layers.SpatialDropout1D": "rate seed name dtype",
    "layers.SpatialDropout2D": "rate data_format seed name dtype",
    "layers.SpatialDropout3D": "rate data_format seed name dtype",
    "layers.SpectralNormalization": "layer power_iterations",
    "layers.Subtract": "",
    "layers.TimeDistributed": "layer",
    "layers.UnitNormalization": "axis",
    "layers.UpSampling1D": "size",
    "layers.UpSampling2D": "size data_format interpolation",
    "layers.UpSampling3D": "size data_format",
    "layers.Wrapper": "layer",
    "layers.ZeroPadding1D": "padding data_format",
    "layers.ZeroPadding2D": "padding data_format",
    "layers.ZeroPadding3D": "padding data_format",
    "layers.add": "inputs",
    "layers.dot": "inputs axes",
    "ops.argsort": "x axis",
    "ops.dot": "x1 x2",
    "ops.in_top_k": "targets predictions k",
    "ops.matmul": "x1 x2",
    "ops.one_hot": "x num_classes axis dtype sparse",
    "ops.sort": "x axis",
    "ops.take": "x indices axis",
    "ops.take_along_axis": "x indices axis",
    "ops.tensordot": "x1 x2 axes",
    "ops.top_k": "x k sorted",
    "callbacks.EarlyStopping": (
        "monitor min_delta patience verbose mode baseline restore_best_weights start_from_epoch"
    ),
    "callbacks.History": "",
    "callbacks.LambdaCallback": (
        "on_epoch_begin on_epoch_end on_train_begin on_train_end on_train_batch_begin on_train_batch_end"
    ),
    "callbacks.LearningRateScheduler": "schedule verbose",
    "callbacks.ModelCheckpoint": (
        "filepath monitor verbose save_best_only save_weights_only mode save_freq initial_value_threshold"
    ),
    "losses.BinaryCrossentropy": "from_logits label_smoothing axis reduction name dtype",
    "losses.CategoricalCrossentropy": "from_logits label_smoothing axis reduction name dtype",
    "losses.MeanSquaredError": "reduction name dtype",
    "losses.SparseCategoricalCrossentropy": "from_logits ignore_class reduction axis name dtype",
    "losses.get": "identifier",
    "metrics.Accuracy": "name dtype",
    "metrics.BinaryAccuracy": "name dtype threshold",
    "metrics.CategoricalAccuracy": "name dtype",
    "metrics.MeanAbsoluteError": "name dtype",
    "metrics.MeanSquaredError": "name dtype",
    "metrics.SparseCategoricalAccuracy": "name dtype",
    "metrics.SparseTopKCategoricalAccuracy": "k name dtype from_sorted_ids",
    "metrics.TopKCategoricalAccuracy": "k name dtype",
    "metrics.get": "identifier",
    "optimizers.SGD": (
        "learning_rate momentum nesterov weight_decay clipnorm clipvalue global_clipnorm use_ema "
        "ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name"
    ),
    "optimizers.Adam": (
        "learning_rate beta_1 beta_2 epsilon amsgrad weight_decay clipnorm clipvalue global_clipnorm "
        "use_ema ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name"
    ),
    "optimizers.get": "identifier",
    "constraints.MaxNorm": "max_value axis",
    "constraints.MinMaxNorm": "min_value max_value rate axis",
    "constraints.NonNeg": "",
    "constraints.UnitNorm": "axis",
    "constraints.get": "identifier",
    "regularizers.L1": "l1",
    "regularizers.L2": "l2",
    "regularizers.L1L2": "l1 l2",
    "regularizers.get": "identifier",
    "initializers.Constant": "value",
    "initializers.Zeros": "",
    "initializers.Ones": "",
    "initializers.RandomNormal": "mean stddev seed",
    "initializers.RandomUniform": "minval maxval seed",
    "initializers.TruncatedNormal": "mean stddev seed",
    "initializers.GlorotNormal": "seed input_axes output_axes",
    "initializers.GlorotUniform": "seed input_axes output_axes",
    "initializers.HeNormal": "seed input_axes output_axes",
    "initializers.HeUniform": "seed input_axes output_axes",
    "initializers.LecunNormal": "seed input_axes output_axes",
    "initializers.LecunUniform": "seed input_axes output_axes",
    "initializers.get": "identifier",
    "models.load_model": "filepath custom_objects compile safe_mode",
    "utils.set_random_seed": "seed",
    "utils.to_categorical": "x num_classes",
    "Sequential": "layers trainable name",
    "Model": "inputs outputs name",
    "Sequential.compile": (
        "optimizer loss loss_weights metrics weighted_metrics run_eagerly steps_per_execution jit_compile "
        "auto_scale_loss"
    ),
    "Sequential.fit": (
        "x y batch_size epochs verbose callbacks validation_split validation_data shuffle class_weight "
        "sample_weight initial_epoch steps_per_epoch validation_steps validation_batch_size "
        "validation_freq"
    ),
    "Sequential.evaluate": "x y batch_size verbose sample_weight steps callbacks return_dict",
    "Sequential.predict": "x batch_size verbose steps callbacks",
    "Sequential.train_on_batch": "x y sample_weight class_weight return_dict",
    "Sequential.test_on_batch": "x y sample_weight return_dict",
    "Sequential.predict_on_batch": "x",
    "Sequential.save": "filepath overwrite zipped",
    "Sequential.save_weights": "filepath overwrite max_shard_size",
    "Sequential.load_weights": "filepath skip_mismatch",
    "Sequential.summary": "line_length positions print_fn expand_nested show_trainable layer_range",
    "Sequential.get_layer": "name index",
    "Sequential.build": "input_shape",
    "Sequential.add": "layer rebuild",
    "Sequential.pop": "rebuild",
    "Sequential.set_weights": "weights",
    "layers.Lambda": "function output_shape mask arguments",
    "layers.Layer": "",
    "layers.Layer.build": "input_shape",
    "utils.Progbar": ("target width verbose interval stateful_metrics stateless_metrics unit_name"),
}
